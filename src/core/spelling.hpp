// What somebody may have meant who named something that is not there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

/// How many letters have to be put in, left out, changed, or swapped with their neighbour to make one text of the other, letters of ASCII
/// in any case. More than `most` is told as most + 1.
size_t spelling_distance(std::string_view a, std::string_view b, size_t most);

/// The name that is spelt most like `given`: the same but for case and blanks around it, or a slip or two away; nullopt where none is.
std::optional<std::string> nearest_name(std::string_view given, const std::vector<std::string> &names);

} // namespace aggregation
