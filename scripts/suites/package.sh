# Debian packages, built and tried in clean systems of their own: AGGREGATION_DEBIAN names the release (default: this system's).

if [ "$(id -u)" -ne 0 ]; then
	echo "  skipped: a clean system can only be set up by root"
	count 0 0 1
elif ! command -v debootstrap >/dev/null; then
	echo "  skipped: debootstrap is not installed"
	count 0 0 1
else
	shell_files "$ROOT"/test/package/*.sh
fi
