#include "ops/boundary/table_set.h"

#include <algorithm>
#include <cstring>
#include <string_view>

size_t agg_name_tables(agg_table_names names, const char *sql, size_t length, char *out, size_t size) {
	size_t written = 0;
	const auto put = [&](std::string_view text) {
		if (written < size)
			std::memcpy(out + written, text.data(), std::min(text.size(), size - written));
		written += text.size();
	};
	for (std::string_view rest(sql, length); !rest.empty();) {
		const size_t next = std::min(rest.find('@'), rest.size());
		put(rest.substr(0, next));
		if (next < rest.size()) {
			put(names.schema);
			put(".");
		}
		rest.remove_prefix(std::min(next + 1, rest.size()));
	}
	if (size > 0)
		out[std::min(written, size - 1)] = '\0';
	return written;
}
