# ./run as a user meets it: from anywhere, through a link, with a word it does not know.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

said=$("$AGGREGATION_RUN" 2>&1)
like "$said" 'usage: ./run COMMAND' 'no command: the usage'
for command in demo report test import bench; do
	like "$("$AGGREGATION_RUN" "$command" --help 2>&1)" "usage: ./run $command" "$command --help"
done
status=0
said=$("$AGGREGATION_RUN" dance 2>&1) || status=$?
like "$status $said" '^2 .*no command "dance"' 'an unknown command'
status=0
said=$("$AGGREGATION_RUN" test dance 2>&1) || status=$?
like "$status $said" '^2 .*no suite "dance"' 'an unknown suite'
status=0
said=$("$AGGREGATION_RUN" demo --dance 2>&1) || status=$?
like "$status $said" '^2 .*not understood' 'an unknown option'
status=0
said=$("$AGGREGATION_RUN" demo --data nowhere 2>&1) || status=$?
like "$status $said" '^2 .*no folder' 'a folder that is not there'
said=$("$AGGREGATION_RUN" test --help 2>&1)
like "$said" 'Only by name: fuzz sanitized' 'the suites that run only by name are named'
for file in "$ROOT"/scripts/suites/*.sh; do
	like "$said" "(^|[[:space:]])$(basename -- "$file" .sh)([[:space:]]|$)" "test --help names $(basename -- "$file")"
done
ln -s "$AGGREGATION_RUN" linked
like "$(./linked help)" 'usage: ./run COMMAND' 'through a link, from another folder'
like "$(AGGREGATION_DEMO=$PWD/none "$AGGREGATION_RUN" demo --stop)" 'no demo server' 'stopping what is not there'

done_testing
