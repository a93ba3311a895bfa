// Which of an asset's two switches counts in which environment.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>

namespace aggregation {

/// DEV and TEST, in any case, look at the asset's test_active; every other environment at active.
inline bool is_test_environment(std::string name) {
	std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
	return name == "DEV" || name == "TEST";
}

} // namespace aggregation
