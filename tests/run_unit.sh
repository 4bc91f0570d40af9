#!/bin/sh
# Runs one unit test program.  What a sanitizer writes ends in files, since the TAP
# driver and Criterion's child processes would swallow it, and any such file fails
# the program: Criterion passes a test whose process only leaked.
# An address sanitizer would also stop at a text that Criterion itself never frees.
# All .timeout of a program are the same: a shorter one that begins while a longer one
# runs makes Criterion 2.4.1 lose the longer one, which is a leak and no limit any more.
program=$1
here=$(dirname "$0")
reports=$program.report
rm -f "$reports".*
ASAN_OPTIONS=log_path=$reports${ASAN_OPTIONS:+:$ASAN_OPTIONS}
UBSAN_OPTIONS=log_path=$reports:print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
TSAN_OPTIONS=log_path=$reports${TSAN_OPTIONS:+:$TSAN_OPTIONS}
LSAN_OPTIONS=suppressions=$here/lsan.supp:print_suppressions=0
export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS
"$@"
status=$?
for report in "$reports".*; do
    if [ -s "$report" ]; then
        cat "$report" >&2
        echo "Bail out! a sanitizer reports: see $report"
        status=1
    fi
done
exit $status
