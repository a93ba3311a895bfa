#include "core/vwap_deviation.h"

#include "core/exact_sum.hpp"

#include <algorithm>
#include <array>
#include <cmath>

using namespace aggregation;

namespace {

/// a * b = product + error, where nothing underflows.
struct Product {
	Product(double a, double b) : product(a * b), error(std::fma(a, b, -product)) {
	}
	double product;
	double error;
};

void add(double *parts, uint8_t &used, double number) {
	if (used == exact_sum::most_parts)
		used = static_cast<uint8_t>(exact_sum::compress(parts, used));
	used = static_cast<uint8_t>(exact_sum::add(parts, used, number));
}

void forget(agg_vwap_deviation *state) {
	state->too_large = true;
	std::fill(std::begin(state->used), std::end(state->used), uint8_t {0});
}

/// A sum in its fewest parts.
struct Compressed {
	Compressed(const agg_vwap_deviation *of, size_t power) {
		std::copy_n(of->parts[power], of->used[power], parts.data());
		used = exact_sum::compress(parts.data(), of->used[power]);
	}
	double rounded() const {
		return exact_sum::rounded(parts.data(), used);
	}
	std::array<double, exact_sum::most_parts> parts {};
	size_t used;
};

} // namespace

extern "C" {

void agg_vwap_deviation_add(agg_vwap_deviation *to, agg_number price, agg_number volume) noexcept {
	if (!price.known || !std::isfinite(price.value) || !volume.known || !std::isfinite(volume.value) || !(volume.value > 0))
		return;
	to->any = true;
	const double largest = std::max(1.0, std::abs(price.value));
	if (to->too_large || !(largest * largest * volume.value < exact_sum::too_large)) {
		forget(to);
		return;
	}
	const Product first(volume.value, price.value);
	const Product second(first.product, price.value);
	const Product rest(first.error, price.value);
	add(to->parts[0], to->used[0], volume.value);
	for (const double part : {first.product, first.error})
		add(to->parts[1], to->used[1], part);
	for (const double part : {second.product, second.error, rest.product, rest.error})
		add(to->parts[2], to->used[2], part);
}

void agg_vwap_deviation_merge(agg_vwap_deviation *into, const agg_vwap_deviation *from) noexcept {
	into->any = into->any || from->any;
	if (into->too_large || from->too_large) {
		forget(into);
		return;
	}
	for (size_t power = 0; power < 3; ++power) {
		for (size_t i = 0; i < from->used[power]; ++i)
			add(into->parts[power], into->used[power], from->parts[power][i]);
	}
}

agg_number agg_vwap_deviation_value(const agg_vwap_deviation *of) noexcept {
	if (!of->any || of->too_large)
		return {false, 0};
	const std::array<Compressed, 3> sums {Compressed(of, 0), Compressed(of, 1), Compressed(of, 2)};
	const double weight = sums[0].rounded();
	if (!(weight * sums[2].rounded() < exact_sum::too_large))
		return {false, 0};
	std::array<double, exact_sum::most_parts> difference {};
	uint8_t used = 0;
	const auto add_products = [&](const Compressed &a, const Compressed &b, double sign) {
		for (size_t i = 0; i < a.used; ++i) {
			for (size_t j = 0; j < b.used; ++j) {
				const Product product(sign * a.parts[i], b.parts[j]);
				add(difference.data(), used, product.error);
				add(difference.data(), used, product.product);
			}
		}
	};
	add_products(sums[2], sums[0], 1);
	add_products(sums[1], sums[1], -1);
	return {true, std::sqrt(std::max(0.0, exact_sum::rounded(difference.data(), used))) / weight};
}

} // extern "C"
