# ./run bench: what its help names, what bench/README.md describes and what it takes are the same rows.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

named=$(bash "$ROOT/bench/run.sh" --help | sed -nE '/^  --only ROW  /,/^  --csv/{/--csv/d; s/--only ROW|only when named, since they take|minutes://g; p}' | grep -oE '[a-z_]+' | sort)
# shellcheck disable=SC2016 # a sed script
described=$(sed '/^## Results/q' "$ROOT/bench/README.md" | sed -nE 's/^\| `([a-z_]+)` \|.*/\1/p' | sort)
is "$named" "$described" 'the help names the rows that the README describes'
for row in $named; do
	status=0
	# It stops at the file that it cannot write, before it looks for a server.
	said=$(bash "$ROOT/bench/run.sh" --only "$row" --csv /nowhere/out.csv 2>&1) || status=$?
	like "$status $said" '^1 .*/nowhere/out.csv' "it takes $row"
done
status=0
said=$(bash "$ROOT/bench/run.sh" --only dance 2>&1) || status=$?
like "$status $said" '^2 .*no row "dance"' 'an unknown row'
done_testing
