# Behaviour: pgTAP, each file in a database of its own.

files=()
for file in "$ROOT"/test/pgtap/*.sql; do
	case $file in
	*/reference_*) ;; # the suite of that name
	*) if [ -e "$file" ]; then files+=("$file"); fi ;;
	esac
done
pgtap_files "${files[@]}"
