#!/bin/sh
# man.sh PROGRAM DIR DATE makes the man pages: those of the commands from what the program says of
# itself, kioskd.yaml(5) from docs.
set -eu
program=$1 dir=$2 date=$3
# A C locale's man knows no ellipsis.
md2man() {
	sed -i 's/…/.../g' "$1"
	go run github.com/cpuguy83/go-md2man/v2@v2.0.7 -in "$1" -out "$2"
}
mkdir -p "$dir"
# What a shell's completion is told: the words that may follow others, each before a tab.
follow() { "$program" __complete "$@" "" 2>/dev/null | sed -n 's/\t.*//p'; }
commands() {
	follow | while read -r word; do
		case "$word" in
		completion | help) continue ;;
		esac
		seconds=$(follow "$word")
		if [ -z "$seconds" ]; then
			echo "$word"
		fi
		for second in $seconds; do
			echo "$word $second"
		done
	done
}
{
	echo "kioskd 1 \"$date\" kioskd \"User commands\""
	echo "=="
	printf '\n# NAME\n\nkioskd - sells electricity to anyone with a bank card\n'
	# shellcheck disable=SC2016 # markdown
	printf '\n# SYNOPSIS\n\n**kioskd** *COMMAND* [*FLAG*...] [*ARGUMENT*...]\n'
	printf '\n# DESCRIPTION\n\nThe daemon of an unattended payment kiosk for EV charging, and its command line. Every command has **--help**. It exits with 0 on success, 1 where the work failed, 2 for wrong usage or wrong input.\n'
	printf '\n# COMMANDS\n'
	commands | while read -r command; do
		printf '\n## kioskd %s\n\n' "$command"
		# shellcheck disable=SC2086 # its words
		"$program" $command --help | sed '1!s/^/    /'
	done
	printf '\n# FILES\n\n*/etc/kioskd/kioskd.yaml*: the configuration, kioskd.yaml(5).\n\n*/var/lib/kioskd/journal*: the journal; never delete any of its files.\n'
	printf '\n# SEE ALSO\n\nkioskd-ui(1), kiosksim(1), kioskd.yaml(5)\n'
} >"$dir/kioskd.1.md"
{
	echo "kioskd-ui 1 \"$date\" kioskd \"User commands\""
	echo "=="
	printf '\n# NAME\n\nkioskd-ui - the touchscreen of kioskd\n\n# SYNOPSIS\n\n**kioskd-ui** [*FLAG*...]\n'
	printf '\n# DESCRIPTION\n\nDraws what the daemon shows, and tells it what a finger did. It comes back by itself when the daemon does. kioskd-ui.service runs it in a compositor of its own, cage(1), as /etc/default/kioskd says.\n'
	printf '\n# FLAGS\n\n'
	"${program%/*}/kioskd-ui" --help 2>&1 | sed -e '/^Flags:/d' -e 's/^/    /'
	printf '\n# SEE ALSO\n\nkioskd(1), kioskd.yaml(5)\n'
} >"$dir/kioskd-ui.1.md"
{
	echo "kiosksim 1 \"$date\" kioskd \"User commands\""
	echo "=="
	printf '\n# NAME\n\nkiosksim - the world that kioskd is tried in\n\n# SYNOPSIS\n\n**kiosksim** *COMMAND* [*FLAG*...]\n'
	printf '\n# DESCRIPTION\n\nSimulated terminals, meters, boards, back offices and whole sites, a demonstration, and torture. **kioskd demo**, **kioskd simulate** and **kioskd torture** start it; kioskd(1) says what each does.\n'
	printf '\n# SEE ALSO\n\nkioskd(1), kioskd-ui(1)\n'
} >"$dir/kiosksim.1.md"
sed "1s/DATE/$date/" docs/kioskd.yaml.5.md >"$dir/kioskd.yaml.5.md"
for page in kioskd.1 kioskd-ui.1 kiosksim.1 kioskd.yaml.5; do
	md2man "$dir/$page.md" "$dir/$page"
done
