# Lines that are no bar: each refused with its reason and number, all others loaded.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

good='1.1,1.3,1.0,1.2,5'
{
	echo "2021-01-25 00:00,$good"                      # 1 good
	echo "2021-01-25 00:01,1.1,1.3,1.0"                # 2 too few
	echo "2021-01-25 00:02,$good,7"                    # 3 too many
	echo "2021-02-30 00:03,$good"                      # 4
	echo "2021-01-25 24:00,$good"                      # 5
	echo "yesterday,$good"                             # 6
	echo "2021-01-25 00:07,nan,1.3,1.0,1.2,5"          # 7
	echo "2021-01-25 00:08,1.1,inf,1.0,1.2,5"          # 8
	echo "2021-01-25 00:09,1.1,1e999,1.0,1.2,5"        # 9
	echo "2021-01-25 00:10,1.1,1.3,0x1,1.2,5"          # 10
	echo "2021-01-25 00:11,1.1,1.3,1.0,,5"             # 11
	echo "2021-01-25 00:12,1.1,1.0,1.3,1.2,5"          # 12 high < low
	echo "2021-01-25 00:13,1.4,1.3,1.0,1.2,5"          # 13 open outside
	echo "2021-01-25 00:14,1.1,1.3,1.0,1.2,-5"         # 14
	echo "2021-01-25 00:15,0,0,0,0,0"                  # 15
	echo "2021-01-25 00:16:30,$good"                   # 16
	printf '2021-01-25 00:17,1.1,1.\0003,1.0,1.2,5\n'  # 17 NUL
	printf '2021-01-25 00:18,1.1,1.\3773,1.0,1.2,5\n'  # 18 invalid UTF-8
	printf '2021-01-25 00:19,%0100000d,1,1,1,1\n' 1    # 19 very long
	printf '\\.\n'                                     # 20 what ends a COPY
	printf '"\n'                                       # 21 an open quote
	echo                                               # 22 blank
	printf ' 2021-01-25 00:22, 1.1 ,1.3, 1.0,1.2,5 \r\n' # 23 good, in spite of its spaces
	echo "'; DROP TABLE data_bars; --,$good"           # 24
	printf '2021-01-25 00:24,1.1,1.3\r,1.0,1.2,5\n'    # 25 a carriage return inside
	echo "2020-02-29 00:25,$good"                      # 26 good, a leap day
	echo "2021-02-29 00:26,$good"                      # 27
	echo "2021-01-25 00:27,-37.6,-30,-40.3,-37.6,5"    # 28 good: oil did that
	printf '2021-01-25 00:28,%s' "$good"               # 29 good, no newline
} >bad.csv

import --format mt4 --symbol BAD bad.csv
is "$status" 0 'good lines are loaded, so all is well'
is "$(bars BAD | cut -c 1-19)" '2020-02-29 00:25:00
2021-01-25 00:00:00
2021-01-25 00:22:00
2021-01-25 00:27:00
2021-01-25 00:28:00' 'exactly the good ones are there'
like "$said" '29 lines read, 5 inserted, 0 updated, 0 unchanged, 23 refused' 'the counts'
while IFS='|' read -r number reason; do
	like "$said" "line $number: $reason" "line $number: $reason"
done <<'TEXT'
2|wrong number of fields
3|wrong number of fields
4|no such date or time
5|no such date or time
6|no such date or time
7|a price that is not a finite number
8|a price that is not a finite number
9|a price that is not a finite number
10|a price that is not a finite number
11|a price that is not a finite number
12|high below low
13|open or close outside low to high
14|a volume that is not a finite number
15|all four prices are zero
16|not on a whole minute
17|bytes that are not plain text
18|bytes that are not plain text
19|longer than 999 bytes
20|wrong number of fields
21|wrong number of fields
TEXT
like "$said" 'and 3 more' 'only the first 20 are listed'
like "$said" 'refused 6: a price that is not a finite number' 'all are counted, by reason'

printf '2021-01-25 00:00,%s\n2021-01-25 00:00,9,9,9,9,9\n' "$good" >twice.csv
import --format mt4 --symbol TWICE twice.csv
is "$status $(bars TWICE)" '0 2021-01-25 00:00:00 9 9 9 9 9  ' 'the same minute twice: the last line wins'
like "$said" 'line 1: the same minute comes again' 'and the loser is named'
printf '2021-01-25 00:00,7,7,7,7,7\n' >third.csv
import --format mt4 --symbol TWICE2 third.csv twice.csv
is "$(bars TWICE2)" '2021-01-25 00:00:00 9 9 9 9 9  ' 'across files: the last file wins'

printf '20240310 023000;1;1;1;1;0\n20240310 033000;2;2;2;2;0\n' >skip.csv
import --format histdata --symbol SKIP --timezone America/New_York skip.csv
is "$(bars SKIP)" '2024-03-10 07:30:00 2 2 2 2 0  ' 'a time that daylight saving skips does not become another'
like "$said" 'line 1: a time that the zone skips' 'and is refused'

for width in 2 3 4 5 15; do
	for i in $(seq 0 39); do printf '2021-01-25 %02d:%02d,%s\n' $((i * width / 60)) $((i * width % 60)) "$good"; done >longer.csv
	import --format mt4 --symbol LONGER longer.csv
	is "$status $(bars LONGER)" '1 ' "$width-minute bars are not taken for minutes"
	like "$said" 'refused 40: a bar of more than one minute' 'and the reason is told'
done

done_testing
