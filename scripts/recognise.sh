# Which format and symbol a file has, from its name and its first lines. Sourced, with archives.sh.

# opening_lines FILE MEMBER : the first lines of it.
opening_lines() {
	archive_read "$1" "$2" 2>/dev/null | head -c 2000 | LC_ALL=C tr -cd '\12\40-\176\11' | head -n 3 || true
}

# looks_like LINES : prints the format that they are of; fails where it is none of ours.
looks_like() {
	local first second row
	{
		IFS= read -r first || true
		IFS= read -r second || true
	} <<<"$1"
	row=$first
	if [[ $row =~ ^[\"\<]?[A-Za-z] ]]; then row=$second; fi
	if [[ $row =~ ^[0-9]{8}\ [0-9]{6}\; ]]; then
		echo histdata
	elif [[ $row =~ ^[0-9]{12,16},([^,]*,){10}[^,]*$ ]]; then
		echo binance
	elif [[ $row =~ ^[0-9]{2}\.[0-9]{2}\.[0-9]{4}\ [0-9:.]+ ]]; then
		echo dukascopy
	elif [[ ${first,,} =~ (open|,o,) && ${first,,} =~ close|,c, ]]; then
		echo csv
	elif [[ $row =~ ^[0-9]{4}[.-][0-9]{2}[.-][0-9]{2}[\ ,][0-9]{2}:[0-9]{2} ]]; then
		echo mt4
	else
		return 1
	fi
}

# recognise FILE : prints "FORMAT SYMBOL", or fails and prints why FILE is left alone.
recognise() {
	local file=$1 name problem sample symbol=''
	name=$(basename -- "$file")

	if problem=$(archive_problem "$file"); then
		echo "$problem"
		return 1
	fi
	# The timeframe in the name: M5, M15, H1, D1, 5m, 1h, 1d … are not for us; M1 and 1m are.
	if [[ $name =~ (^|[^A-Za-z0-9])(M5|M10|M15|M30|H1|H4|D1|W1|MN1?|[0-9]+[hdw]|(3|5|15|30)m)([^A-Za-z0-9]|$) ]]; then
		echo "holds no 1-minute bars, judging by its name (${BASH_REMATCH[2]})"
		return 1
	fi
	if [[ $name =~ ^DAT_[A-Z]+_([A-Z0-9]+)_M1 ]]; then
		symbol=${BASH_REMATCH[1]}
	elif [[ $name =~ ^([A-Za-z0-9]{3,})([^A-Za-z0-9]|$) ]]; then
		symbol=${BASH_REMATCH[1]^^}
		# MetaTrader's own files are called EURUSD1.csv.
		if [[ $symbol =~ ^([A-Z]{6})1$ ]]; then symbol=${BASH_REMATCH[1]}; fi
	fi

	local member
	IFS= read -r -d '' member < <(archive_members "$file") || true
	sample=$(opening_lines "$file" "$member")
	local format
	if ! format=$(looks_like "$sample"); then
		echo "has none of the known formats"
		return 1
	fi
	if [ -z "$symbol" ]; then
		echo "its name contains no symbol (call it SYMBOL_M1.csv)"
		return 1
	fi
	echo "$format $symbol"
}
