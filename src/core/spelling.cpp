#include "core/spelling.hpp"

#include <algorithm>
#include <array>

namespace aggregation {

namespace {

char lower(char c) {
	return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view without_blanks(std::string_view text) {
	constexpr std::string_view blanks = " \t\r\n";
	const auto begin = text.find_first_not_of(blanks);
	return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

} // namespace

// Row by row of the table of distances between beginnings of a and of b.
size_t spelling_distance(std::string_view a, std::string_view b, size_t most) {
	if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most)
		return most + 1;
	std::array<std::vector<size_t>, 3> rows; // the one before the last, the last, this one
	rows.fill(std::vector<size_t>(b.size() + 1));
	for (size_t j = 0; j <= b.size(); ++j)
		rows[1][j] = j;
	for (size_t i = 1; i <= a.size(); ++i) {
		rows[2][0] = i;
		for (size_t j = 1; j <= b.size(); ++j) {
			const bool same = lower(a[i - 1]) == lower(b[j - 1]);
			rows[2][j] = std::min({rows[1][j] + 1, rows[2][j - 1] + 1, rows[1][j - 1] + (same ? 0 : 1)});
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
				rows[2][j] = std::min(rows[2][j], rows[0][j - 2] + 1);
		}
		std::rotate(rows.begin(), rows.begin() + 1, rows.end());
	}
	return std::min(rows[1][b.size()], most + 1);
}

std::optional<std::string> nearest_name(std::string_view given, const std::vector<std::string> &names) {
	const auto wanted = without_blanks(given);
	// Of a short name nothing is left after two slips.
	const size_t most = wanted.size() < 3 ? 0 : wanted.size() < 6 ? 1 : 2;
	std::optional<std::string> nearest;
	size_t least = most + 1;
	for (const auto &name : names) {
		const size_t distance = spelling_distance(wanted, without_blanks(name), most);
		if (name != given && distance < least) {
			nearest = name;
			least = distance;
		}
	}
	return nearest;
}

} // namespace aggregation
