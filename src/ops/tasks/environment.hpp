// Which of an asset's two switches counts in which environment.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>

/// The same rule in SQL, of an environment's name: assets_of() below.
#define AGG_IS_FOR_TESTS(environment) "upper(" environment ") IN ('DEV', 'TEST')"

namespace aggregation {

/// Which assets count: those with test_active, or those with active.
enum class Assets { active, test_active };

/// DEV and TEST, in any case, look at the asset's test_active; every other environment at active.
inline Assets assets_of(std::string environment) {
	std::transform(environment.begin(), environment.end(), environment.begin(),
	               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
	return environment == "DEV" || environment == "TEST" ? Assets::test_active : Assets::active;
}

} // namespace aggregation
