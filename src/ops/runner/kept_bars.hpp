// How long bars are kept: the policies in agg_retention as one. A symbol's own policy for a timeframe wins over the one for all; that one
// is about the symbols that bars are made of, and about assets.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace aggregation {

class KeptBars {
public:
	/// nullopt: for ever.
	std::optional<Duration> keep(const std::string &symbol, const std::string &timeframe) const;
	/// Whom the policy for all concerns.
	std::set<std::string> symbols_of_all(const std::string &timeframe) const;

private:
	friend Op<KeptBars> read_kept_bars(Database &db);
	struct Policies {
		std::optional<Duration> of_all;
		std::map<std::string, Duration> own;
	};
	std::map<std::string, Policies> timeframes_;
	std::set<std::string> known_;
};

Op<KeptBars> read_kept_bars(Database &db);

} // namespace aggregation
