"use strict";
(async () => {
	const main = document.getElementById("receipt");

	async function inflate(deflated) {
		const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
		return new Response(stream).text();
	}

	function base64(s) { return Uint8Array.from(atob(s), c => c.charCodeAt(0)); }

	let data;
	try {
		data = JSON.parse(await inflate(base64(document.getElementById("data").textContent)));
	} catch {
		main.textContent = "This browser is too old to open the receipt.";
		return;
	}
	const at = Object.fromEntries(data.fields.map((name, i) => [name, i]));
	const own = navigator.language.slice(0, 2);
	let language = data.languages.some(l => l.code === own) ? own : "en";
	let shown = null; // what draws the page again in another language

	// text is a text of the page's language, with its places filled.
	function text(key, places) {
		const l = data.languages.find(l => l.code === language);
		let s = l.texts[data.keys.indexOf(key)] || "";
		for (const name in places) s = s.replace("{{." + name + "}}", places[name]);
		return s;
	}

	function tag() { // Arabic with the digits that the kiosk shows
		const l = data.languages.find(l => l.code === language);
		return (l.region || l.code) + "-u-nu-latn";
	}

	function element(name, content, classes) {
		const e = document.createElement(name);
		if (classes) e.className = classes;
		for (const c of [].concat(content)) e.append(c);
		return e;
	}

	function isolated(s) { return element("bdi", s); }

	function number(s) { // a decimal as the kiosk writes it
		const digits = (String(s).split(".")[1] || "").length;
		return new Intl.NumberFormat(tag(), {minimumFractionDigits: digits, maximumFractionDigits: digits}).format(s);
	}

	function decimal(s, currency) {
		const digits = (String(s).split(".")[1] || "").length;
		return new Intl.NumberFormat(tag(), {style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits}).format(s);
	}

	function money(minor, currency) {
		const digits = data.whole.includes(currency) ? 0 : 2;
		const sign = minor < 0 ? "-" : "";
		const s = String(Math.abs(minor)).padStart(digits + 1, "0");
		return decimal(sign + (digits ? s.slice(0, -digits) + "." + s.slice(-digits) : s), currency);
	}

	function kwh(wh) {
		const s = String(wh).padStart(4, "0");
		return number(s.slice(0, -3) + "." + s.slice(-3)) + "\u00a0kWh";
	}

	function time([seconds, east]) { // the local time of the kiosk, there and then
		const d = new Date((seconds + east * 60) * 1000);
		const l = data.languages.find(l => l.code === language);
		const two = n => String(n).padStart(2, "0");
		const parts = {"2006": d.getUTCFullYear(), "01": two(d.getUTCMonth() + 1), "02": two(d.getUTCDate()), "15": two(d.getUTCHours()), "04": two(d.getUTCMinutes()), "05": two(d.getUTCSeconds())};
		return (l.date + " " + l.time).replace(/2006|01|02|15|04|05/g, p => parts[p]);
	}

	function table(title, rows) {
		const body = element("tbody", []);
		for (const row of rows) {
			if (!row || row[1] === "" || row[1] === undefined || row[1] === null) continue;
			const label = element("th", row[0]);
			label.scope = "row";
			if (row[3]) label.append(element("small", isolated(row[3])));
			body.append(element("tr", [label, element("td", isolated(String(row[1])))], row[2]));
		}
		return body.children.length ? element("table", [element("caption", title), body]) : "";
	}

	function draw(row, seller, verdict) {
		const f = name => row[at[name]];
		const currency = f("currency"), start = f("start"), card = f("card"), signed = f("signed") || [];
		const pay = minor => money(minor, currency);
		const lines = f("lines").map(([dimension, price, volume, amount]) =>
			[text("receipt.line." + dimension), pay(amount), "", number(volume) + " × " + decimal(price, currency)]);
		main.replaceChildren(
			element("h1", text("receipt.title")),
			element("address", [seller.name, seller.address, seller.vat_id ? text("receipt.vat_id") + " " + seller.vat_id : ""]
				.filter(Boolean).map(s => element("div", isolated(s)))),
			element("p", pay(f("settled") ? f("paid") : f("total")), "total"),
			element("p", text("page." + verdict), "band" + (verdict === "genuine" ? "" : " plain")),
			table("", [[text("receipt.no"), f("no")], [text("receipt.date"), time(f("issued"))], [text("receipt.bay"), f("bay")],
				[text("receipt.evse"), f("evse")]].concat(start[0] ? [[text("receipt.start"), time(start)], [text("receipt.end"), time(f("end"))],
				...pairs(f("interrupted")).map(([a, b]) => [text("receipt.interrupted"), time(a) + " – " + time(b)]),
				[text("receipt.meter_no"), f("meter")], f("unsigned") ? null : [text("receipt.register"), kwh(f("from")) + " – " + kwh(f("to"))],
				f("unsigned") ? null : [text("receipt.energy"), kwh(f("energy"))], [text("receipt.signed"), signed[2]], [text("receipt.key"), signed[0]]] : [])),
			f("unsigned") ? element("p", text("receipt.unsigned"), "band plain") : "",
			f("clock_doubt") ? element("p", text("receipt.clock"), "band plain") : "",
			table(text("receipt.total"), lines.concat(f("limited") ? [[text("receipt.limited"), " "]] : [],
				f("net") === null ? [] : [[text("receipt.net"), pay(f("net"))]],
				f("taxes").map(([percent, amount]) => [text("receipt.vat", {P: number(percent)}), pay(amount)]),
				[[text("receipt.total"), pay(f("total")), "sum"]])),
			table(text("receipt.card"), [[text("receipt.held"), pay(f("held"))]].concat(
				f("settled") ? [[text("receipt.paid"), pay(f("paid")), "sum"], [text("receipt.released"), pay(f("held") - f("paid"))]]
					: [[text("receipt.not_yet"), pay(f("total")), "sum"]],
				f("refunded") ? [[text("receipt.refunded"), pay(f("refunded"))]] : [],
				card.length ? [[text("receipt.card"), [card[0], card[1] && "**** " + card[1]].filter(Boolean).join(" ")],
					[text("receipt.aid"), card[2]], [text("receipt.auth"), card[3]],
					[text("receipt.terminal"), card.slice(4).filter(Boolean).join(" / ")]] : [])),
			element("p", text("reason." + f("reason"))),
			seller.helpline ? element("p", text("help", {Phone: seller.helpline})) : "",
			element("small", [f("kiosk") + " · ", isolated(f("head"))]),
			controls(signed.length > 3 ? {name: f("no") + ".xml", key: signed[1], records: signed.slice(3)} : null));
	}

	// safe is the file that the S.A.F.E. transparency software reads (its XML_Format.md).
	function safe(key, records) {
		const quoted = s => s.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
		const value = (record, i) => "  <value" + (records.length < 2 ? "" : ' transactionId="1" context="Transaction.' + ["Begin", "End"][i] + '"') +
			'>\n    <signedData format="OCMF" encoding="plain">' + quoted(record) + '</signedData>\n    <publicKey encoding="plain">' +
			quoted(key) + "</publicKey>\n  </value>\n";
		return '<?xml version="1.0" encoding="UTF-8"?>\n<values>\n' + records.map(value).join("") + "</values>\n";
	}

	function pairs(list) {
		const out = [];
		for (let i = 0; i + 1 < list.length; i += 2) out.push([list[i], list[i + 1]]);
		return out;
	}

	function controls(file) {
		const print = element("button", text("page.print"));
		print.addEventListener("click", () => window.print());
		const choose = element("select", data.languages.map(l => {
			const o = element("option", l.name);
			o.value = l.code;
			o.selected = l.code === language;
			return o;
		}));
		choose.setAttribute("aria-label", text("page.language"));
		choose.addEventListener("change", () => { language = choose.value; show(); });
		const nav = [print, choose];
		if (navigator.share) {
			const share = element("button", text("page.share"));
			share.addEventListener("click", () => navigator.share({title: document.title, url: location.href}).catch(() => {}));
			nav.splice(1, 0, share);
		}
		if (file) {
			const save = element("a", text("page.save"), "button");
			save.download = file.name;
			save.href = "data:application/xml;charset=utf-8," + encodeURIComponent(safe(file.key, file.records));
			nav.splice(1, 0, save);
		}
		return element("nav", nav);
	}

	function show() {
		const l = data.languages.find(l => l.code === language);
		document.documentElement.lang = language;
		document.documentElement.dir = l.right_to_left ? "rtl" : "ltr";
		document.title = text("receipt.title");
		shown();
	}

	function trouble(key) {
		shown = () => main.replaceChildren(element("h1", text("receipt.title")), element("p", text("page." + key), "band alarm"), controls());
	}

	function receipt(row, seller, verdict) {
		if (!Array.isArray(row) || row.length < data.least) throw new Error("not a receipt");
		if (data.languages.some(l => l.code === row[at.language])) language = row[at.language];
		shown = () => draw(row, seller || {}, verdict);
	}

	function bytes(digits) {
		let hex = BigInt(digits).toString(16);
		if (hex.length % 2) hex = "0" + hex;
		return Uint8Array.from(hex.match(/../g), b => parseInt(b, 16));
	}

	// verify is genuine, changed, or why nobody can tell.
	async function verify(signed, signature, kiosk) {
		if (!kiosk) return "unknown";
		const message = new Uint8Array([...new TextEncoder().encode(data.context), ...signed]);
		let key;
		try {
			key = await crypto.subtle.importKey("raw", base64(kiosk.key), {name: "Ed25519"}, false, ["verify"]);
		} catch {
			return "old";
		}
		return await crypto.subtle.verify({name: "Ed25519"}, key, signature, message) ? "genuine" : "changed";
	}

	async function json(name) {
		const answer = await fetch(name, {credentials: "omit"});
		if (!answer.ok) throw new Error(name + ": " + answer.status);
		return answer.json();
	}

	async function fromLink(digits) {
		if (!/^[0-9]{100,20000}$/.test(digits)) return trouble("broken");
		const all = bytes(digits), signed = all.slice(0, -64);
		if (signed[0] !== data.version) return trouble("broken");
		const row = JSON.parse(await inflate(signed.slice(1)));
		const kiosks = await json("kiosks.json").catch(() => ({}));
		const kiosk = Object.hasOwn(kiosks, row[at.kiosk]) ? kiosks[row[at.kiosk]] : null;
		const verdict = await verify(signed, all.slice(-64), kiosk);
		if (verdict === "changed") return trouble("changed");
		receipt(row, kiosk && kiosk.sellers[row[at.seller]], verdict);
	}

	async function open() {
		try {
			const digits = location.hash.slice(1);
			if (digits) await fromLink(digits);
			else {
				const answer = await json(location.pathname.replace(/\/?$/, "/receipt.json"));
				receipt(answer.receipt, answer.seller, "office");
			}
		} catch {
			trouble("broken");
		}
		show();
	}
	window.addEventListener("hashchange", open);
	await open();
})();
