# Plain, gzipped and zipped files behind three functions. Sourced.
# What a file is, is told by its first bytes, not by its name.

archive_kind() {
	case $(head -c 4 -- "$1" | od -An -tx1 | tr -d ' \n') in
	1f8b*) echo gzip ;;
	504b0304 | 504b0506) echo zip ;;
	*) echo plain ;;
	esac
}

# archive_problem FILE : prints why FILE cannot be read; fails if it can be.
archive_problem() {
	local file=$1
	if [ -d "$file" ]; then
		echo "is a folder (name the files in it)"
	elif [ ! -e "$file" ]; then
		echo "there is no such file"
	elif [ ! -f "$file" ]; then
		echo "is not a regular file (write it into one first)"
	elif [ ! -r "$file" ]; then
		echo "cannot be read by $(id -un)"
	else
		case $(archive_kind "$file") in
		gzip)
			if ! command -v gzip >/dev/null; then
				echo "is a gzip file, but gzip is not installed (apt-get install gzip)"
			elif ! gzip -tq <"$file" 2>/dev/null; then
				echo "is a damaged gzip file (nothing of it is loaded)"
			else return 1; fi
			;;
		zip)
			if ! command -v unzip >/dev/null; then
				echo "is a zip file, but unzip is not installed (apt-get install unzip)"
			elif ! unzip -tqq -P '' "$file" </dev/null >/dev/null 2>&1; then
				echo "is a damaged or locked zip file (nothing of it is loaded)"
			# (grep -q would leave early, and unzip's broken pipe would count as a failure.)
			elif [ -z "$(unzip -Z1 "$file" 2>/dev/null | grep -v '/$')" ]; then
				echo "is a zip file without a file in it"
			else return 1; fi
			;;
		*) return 1 ;;
		esac
	fi
}

# archive_members FILE : the names of the data files in it, each ended by NUL; one
# empty name where FILE is not an archive of several. HistData's zips hold a .txt
# report beside the .csv: where there are .csv files, only they are data.
archive_members() {
	if [ "$(archive_kind "$1")" != zip ]; then
		printf '\0'
		return
	fi
	local members
	members=$(unzip -Z1 "$1" | grep -v '/$')
	if grep -qi '\.csv$' <<<"$members"; then
		members=$(grep -i '\.csv$' <<<"$members")
	fi
	tr '\n' '\0' <<<"$members"
}

# archive_read FILE MEMBER : the bytes of it.
archive_read() {
	case $(archive_kind "$1") in
	gzip) gzip -dcq <"$1" ;;
	zip)
		# unzip takes a member's name for a pattern.
		local pattern=${2//\\/\\\\}
		pattern=${pattern//\[/[[]}
		pattern=${pattern//\*/[*]}
		pattern=${pattern//\?/[?]}
		unzip -p -P '' "$1" "$pattern" </dev/null
		;;
	*) cat -- "$1" ;;
	esac
}
