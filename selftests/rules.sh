#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Rules of this source tree that neither compiler nor checkpatch knows. Prints
# every offending line; exit status 1 if there is any.
set -eu
cd "${0%/*}/.."

# rule SENTENCE: the lines on standard input are what breaks it
rule()
{
	lines=$(cat)
	[ -n "$lines" ] || return 0
	echo "broken rule: $1"
	echo "$lines" | sed 's/^/    /'
}

# Source files of the kernel module
sources()
{
	find driver -name '*.[ch]'
}

# Parts that also compile in user space and know no VFIO
pure()
{
	find driver/nvme -name '*.[ch]'
	for file in identity irq_state state_load state_stream state_schema pci_config function; do
		find driver -maxdepth 1 -name "$file.[ch]"
	done
}

# Searching a list of files, none of which may be missing silently
search()
{
	pattern=$1
	shift
	xargs -r grep -nHE "$@" -e "$pattern" || true
}

check_all()
{
	pure | search '#[[:space:]]*include.*(vfio|mdev\.h)' |
		rule "the function model and the stream include no VFIO or mdev header"
	# A field of the stream is called mdev_type
	pure | search '\<vfio_[a-z]|\<mdev_[a-z_]+\(|struct mdev_' | { grep -v '\<mdev_type\>' || true; } |
		rule "the function model and the stream use nothing of VFIO"

	# A use, not a mention in a comment
	sources | search '\<vfio_dma_rw\(' | grep -vE ':[0-9]+:[[:space:]]*(/?\*|//)' |
		{ grep -v '^driver/dma\.c:' || true; } |
		rule "vfio_dma_rw() is called in driver/dma.c only"
	[ ! -e driver/dma.c ] || {
		calls=$(grep -vE '^[[:space:]]*(/?\*|//)' driver/dma.c | grep -c '\<vfio_dma_rw(' || true)
		[ "$calls" = 1 ] || echo "driver/dma.c: $calls calls"
	} | rule "vfio_dma_rw() is called exactly once"

	sources | grep -v '^driver/compat/' | search 'LINUX_VERSION_CODE|KERNEL_VERSION' |
		rule "differences between kernel versions are handled in driver/compat/"

	sources | search '\<(pr|dev)_(emerg|alert|crit|err|warn|notice|info)(_once|_ratelimited)?\(' |
		{ grep -v '^driver/main\.c:' || true; } |
		rule "only driver/main.c writes to the kernel log above debug level"

	# Races are given some time to happen in; benchmarks measure it.
	find selftests -maxdepth 2 -name '*.[ch]' ! -name '*_race_test.c' ! -path '*/bench/*' |
		search '\<(u?sleep|(clock_)?nanosleep)\(|\<poll\(NULL|\<select\(0' |
		rule "tests wait for what is to happen, not for some time: see must_happen()"
	find selftests -name '*.sh' ! -name rules.sh | search '^[^#]*\<sleep ' |
		{ grep -vE '\<sleep 0\.1$' || true; } |
		rule "scripts look, and look again after 0.1 seconds"

	grep -ohE 'SKIP\([a-z]*, "[^"]*"' selftests/*.c | sed 's/.*, "\(.*\)"/\1/' | sort -u |
		while read -r reason; do
			grep -qF -- "$reason" selftests/run.sh || echo "$reason"
		done | rule "selftests/run.sh knows for which reasons a test may be skipped"

	{
		git ls-files --cached --others --exclude-standard 2>/dev/null ||
			find . -path ./build -prune -o -path ./.git -prune -o -type f ! -name '.checkpatch-*' -print
	} | sed 's|^\./||' | grep -vE '^(COPYING|README\.md)$|/settings$|\.(bin|csv|dry|events|hex|json|migration|png|svg|text|txt)$' |
	while read -r file; do
		[ ! -f "$file" ] || head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' ||
			echo "$file"
	done | rule "every file says its licence in its first lines"
}

broken=$(check_all)
[ -n "$broken" ] || exit 0
echo "$broken"
exit 1
