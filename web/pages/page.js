"use strict";

// Each page works without this script. It asks before what cannot be undone, changes the language at once, and keeps
// the first page up to date.
for (const button of document.querySelectorAll(".no-script")) button.hidden = true;

document.addEventListener("submit", (event) => {
	const asked = event.submitter && event.submitter.dataset.sure;
	if (asked && !confirm(asked)) event.preventDefault();
});

document.addEventListener("change", (event) => {
	if ("now" in event.target.dataset) event.target.form.submit();
});

const live = document.querySelector("[data-live]");
if (live) {
	const lost = document.querySelector("[data-lost]");
	const source = new EventSource(live.dataset.live);
	source.onopen = () => { lost.hidden = true; };
	source.onerror = () => { lost.hidden = false; };
	for (const name of ["bays", "cards", "figures"]) {
		source.addEventListener(name, (event) => {
			const at = document.activeElement && document.activeElement.id;
			live.querySelector(`[data-part="${name}"]`).innerHTML = event.data;
			if (at && document.activeElement.id !== at) {
				const again = document.getElementById(at);
				if (again) again.focus();
			}
		});
	}
}
