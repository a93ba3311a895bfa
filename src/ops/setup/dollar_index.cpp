#include "ops/setup/dollar_index.hpp"

#include "core/number_text.hpp"

namespace aggregation {

GeometricIndex dollar_index() {
	GeometricIndex index;
	index.symbol = "DXY";
	index.constant = 50.14348112;
	index.components = {{"EURUSD", -0.576}, {"USDJPY", 0.136}, {"GBPUSD", -0.119}, {"USDCAD", 0.091}, {"USDSEK", 0.042}, {"USDCHF", 0.036}};
	return index;
}

std::string insert_dollar_index() {
	const auto index = dollar_index();
	std::string symbols;
	std::string exponents;
	for (const auto &component : index.components) {
		const std::string comma = symbols.empty() ? "" : ",";
		symbols += comma + component.symbol;
		exponents += comma + number_text(component.exponent);
	}
	return "INSERT INTO @agg_indexes (canonical_symbol, constant, components, exponents) VALUES ('" + index.symbol + "', " +
	       number_text(index.constant) + ", '{" + symbols + "}', '{" + exponents + "}')";
}

} // namespace aggregation
