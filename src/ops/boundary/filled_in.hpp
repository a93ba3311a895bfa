// Statements that differ in a few places: texts with words in braces, and what stands for each.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace aggregation {

/// The text with each word replaced wherever it stands, one word after the other: what stands for one may hold words that come later.
inline std::string filled_in(std::string text, std::span<const std::pair<std::string_view, std::string_view>> words) {
	for (const auto &[word, meaning] : words) {
		for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + meaning.size()))
			text.replace(at, word.size(), meaning);
	}
	return text;
}

} // namespace aggregation
