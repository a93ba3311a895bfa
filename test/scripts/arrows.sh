# The house: arrows point one way. pg knows ops, ops knows core; and of the rooms in ops each knows those behind it in the list, never one before.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
cd "$ROOT" || exit 1

rooms=(functions setup proof reading runner indexes calendars ticks bars marks tasks boundary)
is "$(find src/ops -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | paste -sd' ')" "$(printf '%s\n' "${rooms[@]}" | sort | paste -sd' ')" 'all rooms are in the list'
is "$(find src/ops -maxdepth 1 -type f \( -name '*.?pp' -o -name '*.h' \))" '' 'every file has a room'
is "$(grep -lE '#include "(ops|pg)/' -r src/core --include='*.?pp' --include='*.h')" '' 'the core knows nobody'
is "$(grep -lE '#include ("pg/|"postgres.h"|<postgres)' -r src/ops --include='*.?pp' --include='*.h')" '' 'the operations do not know PostgreSQL'
before=
for room in "${rooms[@]}"; do
	if [ -n "$before" ]; then
		is "$(grep -nE "#include \"ops/($before)/" -r "src/ops/$room" --include='*.?pp' --include='*.h')" '' "$room knows none of those before it"
	fi
	before=${before:+$before|}$room
done
is "$(grep -nE '#include "ops/proof/' -r src/ops/setup --include='*.?pp' --include='*.h')" '' 'setup and proof do not know each other'
done_testing
