# Each format as its publisher writes it: where the fields are and what time the stamps mean.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"

printf '20230601 000000;1.06870;1.06871;1.06853;1.06853;0\n20230601 000100;1.06853;1.06859;1.06849;1.06850;0\n' >histdata.csv
import --format histdata --symbol F_HIST histdata.csv
is "$status" 0 'histdata: loaded'
is "$(bars F_HIST)" '2023-06-01 05:00:00 1.0687 1.06871 1.06853 1.06853 0  
2023-06-01 05:01:00 1.06853 1.06859 1.06849 1.0685 0  ' 'histdata: stamps are UTC-5, in summer too'

import --format histdata --symbol F_HIST4 --timezone UTC-4 histdata.csv
like "$(bars F_HIST4)" '^2023-06-01 04:00:00 ' 'histdata: UTC-4 is four hours west'
import --format histdata --symbol F_HISTNY --timezone America/New_York histdata.csv
like "$(bars F_HISTNY)" '^2023-06-01 04:00:00 ' 'histdata: New York has daylight saving in June'
for zone in -04:00 -0400 GMT-4 -4; do
	import --format histdata --symbol "F_$zone" --timezone="$zone" histdata.csv
	like "$(bars "F_$zone")" '^2023-06-01 04:00:00 ' "--timezone=$zone is four hours west"
done
import --format histdata --symbol F_530 --timezone +05:30 histdata.csv
like "$(bars F_530)" '^2023-05-31 18:30:00 ' '+05:30 is east'
import --format histdata --symbol F_NONE --timezone Mars/Olympus histdata.csv
is "$status $(bars F_NONE)" '1 ' 'an unknown zone loads nothing'
like "$said" 'HINT' 'and has a hint'

printf '2021-01-25 02:48,1.36977,1.36984,1.3696,1.36964,47\r\n2021-01-25 02:49,1.36966,1.36971,1.36955,1.3697,13' >mt4.csv
import --format mt4 --symbol F_MT4 mt4.csv
is "$status $(bars F_MT4)" '0 2021-01-25 02:48:00 1.36977 1.36984 1.3696 1.36964 47  
2021-01-25 02:49:00 1.36966 1.36971 1.36955 1.3697 13  ' 'mt4: CRLF, no newline at the end, UTC'
printf '2021.01.25,02:48,1.36977,1.36984,1.3696,1.36964,47\r\n' >mt4.csv
import --format mt4 --symbol F_MT4B mt4.csv
is "$(bars F_MT4B)" '2021-01-25 02:48:00 1.36977 1.36984 1.3696 1.36964 47  ' "mt4: MetaTrader's own two columns for date and time"
printf 'Time\tOpen\tHigh\tLow\tClose\tVolume\n2021-01-25 02:48:00\t1\t3\t1\t2\t47\n' >mt4.tsv
import --format mt4 --symbol F_MT4C mt4.tsv
is "$(bars F_MT4C)" '2021-01-25 02:48:00 1 3 1 2 47  ' 'mt4: tabs and a header'

header=open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore
printf '%s\n1704067200000,100,110,90,105,4,1704067259999,410,7,1,100,0\n1704067260000,105,105,105,105,0,1704067319999,0,0,0,0,0\n' "$header" >binance.csv
import --format binance --symbol F_BIN binance.csv
is "$status $(bars F_BIN)" '0 2024-01-01 00:00:00 100 110 90 105 4 102.5 7
2024-01-01 00:01:00 105 105 105 105 0  0' 'binance: milliseconds, vwap, trades, a minute without a trade'
printf '1735689600000000,100,110,90,105,4,1735689659999999,410,7,1,100,0\n' >binance.csv
import --format binance --symbol F_BINUS binance.csv
is "$(bars F_BINUS)" '2025-01-01 00:00:00 100 110 90 105 4 102.5 7' 'binance: microseconds, no header'
import --format binance --symbol F_BINTZ --timezone UTC+1 binance.csv
is "$status" 2 'binance: no time zone to choose'

printf 'Local time,Open,High,Low,Close,Volume\n01.06.2023 00:00:00.000 GMT+0000,1.1,1.3,1.0,1.2,5.5\n01.06.2023 02:01:00.000 GMT+0200,1.2,1.3,1.0,1.1,6\n03.06.2023 00:00:00.000 GMT+0000,1.2,1.2,1.2,1.2,0\n' >duka.csv
import --format dukascopy --symbol F_DUKA duka.csv
is "$status $(bars F_DUKA)" '0 2023-06-01 00:00:00 1.1 1.3 1 1.2 5.5  
2023-06-01 00:01:00 1.2 1.3 1 1.1 6  ' 'dukascopy: day first, the offset in the stamp, flat fillers skipped'
like "$said" '1 flat' 'dukascopy: the skipped ones are counted'
import --format dukascopy --symbol F_DUKAF --keep-flat duka.csv
like "$(bars F_DUKAF)" '2023-06-03 00:00:00 1.2 1.2 1.2 1.2 0' 'dukascopy: --keep-flat'
printf 'Gmt time,Open,High,Low,Close,Volume\n01.06.2023 00:00:00.000,1.1,1.3,1.0,1.2,5.5\n' >duka.csv
import --format dukascopy --symbol F_DUKAG duka.csv
like "$(bars F_DUKAG)" '^2023-06-01 00:00:00 ' 'dukascopy: no offset is UTC'

printf '\357\273\277"Close";"open";"HIGH";"low";"timestamp";"vwap";"trade_count";"note"\n1.2;1.1;1.3;1.0;2023-06-01T02:00:00+02:00;1.15;9;x\n1.2;1.1;1.3;1.0;2023-06-01 00:01;;;\n1.2;1.1;1.3;1.0;2023-06-01T00:02:00.000Z;;;\n' >any.csv
import --format csv --symbol F_CSV any.csv
is "$status $(bars F_CSV)" '0 2023-06-01 00:00:00 1.1 1.3 1 1.2  1.15 9
2023-06-01 00:01:00 1.1 1.3 1 1.2   
2023-06-01 00:02:00 1.1 1.3 1 1.2   ' 'csv: columns by name in any order, with an offset, without, Zulu; a byte order mark; quotes'
printf 'date,time,open,high,low,close\n2023-06-01,00:00,1,3,1,2\n' >any.csv
import --format csv --symbol F_CSVDT any.csv
is "$(bars F_CSVDT)" '2023-06-01 00:00:00 1 3 1 2   ' 'csv: date and time in two columns'
printf '2023-06-01 00:00,1,3,1,2\n2023-06-01 00:01,1,3,1,2\n' >any.csv
import --format csv --symbol F_CSVNH any.csv
is "$status" 1 'csv: no header, nothing loaded'
like "$said" 'no header that names' 'csv: and it says so'

done_testing
