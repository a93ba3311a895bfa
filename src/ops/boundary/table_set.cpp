#include "ops/boundary/table_set.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

namespace {

bool of_name(char c) {
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// What a statement begins with that names a table.
std::string_view name_at(std::string_view text) {
	return text.substr(0, static_cast<size_t>(std::find_if_not(text.begin(), text.end(), of_name) - text.begin()));
}

/// nullptr: the table is called by its own name.
const char *other_name(const agg_table_names &names, std::string_view table) {
	const std::span<const agg_other_name> others(names.others, names.other_count);
	const auto found = std::lower_bound(others.begin(), others.end(), table,
	                                    [](const agg_other_name &one, std::string_view name) { return one.table < name; });
	return found != others.end() && table == found->table ? found->in_sql : nullptr;
}

} // namespace

size_t agg_name_tables(agg_table_names names, const char *sql, size_t length, char *out, size_t size) {
	size_t written = 0;
	const auto put = [&](std::string_view text) {
		if (written < size)
			std::memcpy(out + written, text.data(), std::min(text.size(), size - written));
		written += text.size();
	};
	std::string_view rest(sql, length);
	for (size_t at = rest.find('@'); at != std::string_view::npos; at = rest.find('@')) {
		put(rest.substr(0, at));
		rest.remove_prefix(at + 1);
		const bool of_all_sets = rest.starts_with('@');
		rest.remove_prefix(of_all_sets ? 1 : 0);
		const std::string_view table = name_at(rest);
		const char *other = names.other_count == 0 || of_all_sets ? nullptr : other_name(names, table);
		if (other != nullptr) {
			put(other);
			rest.remove_prefix(table.size());
		} else {
			put(names.schema);
			put(".");
		}
	}
	put(rest);
	if (size > 0)
		out[std::min(written, size - 1)] = '\0';
	return written;
}
