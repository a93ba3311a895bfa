# Files that are packed, empty, missing, broken or oddly named; importing twice; odd symbols.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

printf '2021-01-25 00:00,1,1,1,1,1\n2021-01-25 00:01,2,2,2,2,2\n' >plain.csv
gzip -k plain.csv

import --format mt4 --symbol GZ plain.csv.gz
is "$status $(bars GZ | wc -l)" '0 2' 'a .gz file'
like "$said" '2 inserted, 0 updated, 0 unchanged' 'first time: inserted'
before=$(psql -X -A -t -c "SELECT string_agg(format('%s %s %s', ctid, xmin, updated_at), ',' ORDER BY ts_utc) FROM data_bars WHERE canonical_symbol = 'GZ'")
import --format mt4 --symbol GZ plain.csv
like "$said" '0 inserted, 0 updated, 2 unchanged' 'second time: unchanged'
is "$(psql -X -A -t -c "SELECT string_agg(format('%s %s %s', ctid, xmin, updated_at), ',' ORDER BY ts_utc) FROM data_bars WHERE canonical_symbol = 'GZ'")" "$before" 'and no row was written'
sed -i 's/,2,2,2,2,2/,2,3,2,2,2/' plain.csv
import --format mt4 --symbol GZ plain.csv
like "$said" '0 inserted, 1 updated, 1 unchanged' 'a corrected line: one update'
is "$(psql -X -A -t -c "SELECT DISTINCT source, raw FROM data_bars WHERE canonical_symbol = 'GZ'")" 'ingest|{"import": "mt4"}' 'source and raw say where they come from'

: >empty.csv
import --format mt4 --symbol EMPTY empty.csv
is "$status" 1 'an empty file: nothing loaded'
import --format mt4 --symbol EMPTY empty.csv plain.csv
is "$status $(bars EMPTY | wc -l)" '0 2' 'an empty file beside a good one'
import --format mt4 --symbol MISSING nowhere.csv plain.csv
is "$status $(bars MISSING | wc -l)" '1 2' 'a missing file is an error, the other is loaded'
like "$said" 'nowhere.csv: there is no such file' 'and is named'
import --format mt4 --symbol FOLDER .
is "$status" 1 'a folder is not a file'
head -c 30 plain.csv.gz >cut.csv.gz
import --format mt4 --symbol CUT cut.csv.gz
is "$status $(bars CUT)" '1 ' 'of a damaged .gz nothing is loaded'
like "$said" 'damaged gzip' 'and it says so'
cp plain.csv "it's [a] \"name\" \$HOME %s.csv"
import --format mt4 --symbol NAME "it's [a] \"name\" \$HOME %s.csv"
is "$status $(bars NAME | wc -l)" '0 2' 'a file name of quotes and brackets'
cp plain.csv ./-dash.csv
import --format mt4 --symbol DASH -- -dash.csv
is "$status $(bars DASH | wc -l)" '0 2' 'a file name that begins with a dash, after --'

# A stored (not compressed) zip of several members, written byte by byte: no zip program needed.
zip_of() {
	perl -e '
		sub crc { my $c = 0xffffffff; for (unpack "C*", shift) { $c ^= $_; $c = $c & 1 ? ($c >> 1) ^ 0xedb88320 : $c >> 1 for 1 .. 8 } $c ^ 0xffffffff }
		my ($out, $directory, $n) = ("", "", 0);
		while (my ($name, $text) = splice @ARGV, 0, 2) {
			my $head = pack "v5V3v2", 20, 0, 0, 0, 33, crc($text), length $text, length $text, length $name, 0;
			$directory .= "PK\1\2" . pack("v", 20) . $head . pack("v3V2", 0, 0, 0, 0, length $out) . $name;
			$out .= "PK\3\4" . $head . $name . $text;
			$n++;
		}
		print $out, $directory, "PK\5\6", pack("v4V2v", 0, 0, $n, $n, length $directory, length $out, 0);' "$@"
}
zip_of a.csv $'2021-01-25 00:00,1,1,1,1,1\n' '[b].csv' $'2021-01-25 00:01,2,2,2,2,2\nbad\n' report.txt 'no bars' >several.zip
import --format mt4 --symbol ZIP several.zip
is "$status $(bars ZIP | wc -l)" '0 2' 'a zip of two files and a report'
like "$said" '\(\[b\].csv\), line 2: wrong number' 'a refused line names the member'
head -c 60 several.zip >cut.zip
import --format mt4 --symbol CUTZ cut.zip
is "$status $(bars CUTZ)" '1 ' 'of a damaged zip nothing is loaded'

for symbol in "O'Brien" 'back\slash' 'a"b' '$(touch pwned)' ':schema' 'ÄÖ€ 漢字' "$(printf '%010000d' 7)"; do
	import --format mt4 --symbol "$symbol" plain.csv
	is "$status $(bars "$symbol" | wc -l)" '0 2' "a symbol is data: ${symbol:0:20}"
done
is "$(ls)" "$(ls | grep -v pwned)" 'and nothing was run'

import --format mt4 plain.csv
is "$status" 2 'no symbol'
import --format excel --symbol X plain.csv
is "$status" 2 'an unknown format'
like "$said" 'histdata, mt4' 'and the known ones'
import --format mt4 --symbol X
is "$status" 2 'no file'
import --format mt4 --symbol X -d no_such_database plain.csv
is "$status" 1 'no such database'
import --format mt4 --symbol X -d template1 plain.csv
like "$status $said" '^1.*no table data_bars.*HINT' 'a database without the tables: what to do is said'

done_testing
