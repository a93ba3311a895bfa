# What a monitoring system gets, with Debian's own Prometheus and exporter. They are unpacked beside the tests unless they are installed: an
# installation would start services of the system's. Where they cannot be had, the suite is skipped, and says so.

monitoring_skipped() {
	printf '  SKIP   %s\n' "$1"
	count 0 0 "$(find "$ROOT/test/monitoring" -name '*.sh' | wc -l)"
}

unpack_packages() {
	chmod 755 . && apt-get download "$@" >download.log 2>&1 || return 1
	for package in ./*.deb; do dpkg-deb -x "$package" . || return 1; done
}

if ! { have prometheus && have promtool && have prometheus-postgres-exporter && /usr/bin/python3 -c 'import prometheus_client'; } >/dev/null 2>&1; then
	unpacked=$(mktemp -d /tmp/aggregation-monitoring.XXXXXX)
	trap 'rm -rf -- "$unpacked"' EXIT
	if ! { have apt-get && have dpkg-deb; } >/dev/null; then
		monitoring_skipped "there is no prometheus here, and no apt-get to fetch it"
		return
	fi
	(
		cd "$unpacked"
		packages=(prometheus prometheus-postgres-exporter python3-prometheus-client python3-decorator)
		unpack_packages "${packages[@]}" || { refresh_packages >/dev/null 2>&1 && unpack_packages "${packages[@]}"; }
	) || {
		tail -n 3 "$unpacked/download.log"
		monitoring_skipped "prometheus and prometheus-postgres-exporter cannot be had (see above)"
		return
	}
	export PATH=$unpacked/usr/bin:$PATH PYTHONPATH=$unpacked/usr/lib/python3/dist-packages
fi
export PG_CONFIG
shell_files "$ROOT"/test/monitoring/*.sh
