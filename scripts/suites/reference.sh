# The extension beside the PL/pgSQL reference, on random data: the same bars, bit by bit.

files=()
for file in "$ROOT"/test/pgtap/reference_*.sql; do
	if [ -e "$file" ]; then files+=("$file"); fi
done
pgtap_files "${files[@]}"
