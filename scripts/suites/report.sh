# The page that ./run report writes, in a real browser. Without Chromium or the chart library it is skipped, and says why.

report_skipped() {
	printf '  SKIP   %s\n' "$1"
	count 0 0 "$(find "$ROOT/test/report" -name '*.sh' | wc -l)"
}

(
	need chromium "shows the page, for the suite report" have chromium
	need nodejs "drives it" have node
	need npm "fetches the chart library" have npm
	install_missing
) || {
	report_skipped "chromium, nodejs and npm cannot be had (see above): no page was tested"
	return
}
(
	source "$ROOT/scripts/chart_library.sh"
	fetch_chart_library
) || {
	report_skipped "the chart library cannot be had (see above): no page was tested"
	return
}
export AGGREGATION_RUN=$ROOT/run
shell_files "$ROOT"/test/report/*.sh
