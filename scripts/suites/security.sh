# Attacks as a hostile role would write them, each file in a database of its own.

files=("$ROOT"/test/security/*.sql)
pgtap_files "${files[@]}"
shell_files "$ROOT"/test/security/*.sh
