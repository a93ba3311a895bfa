#include "core/tick_minutes.hpp"

namespace aggregation {

agg_candlestick *TickMinutes::Room::begin(size_t room) {
	auto memory = std::make_unique<unsigned char[]>(agg_candlestick_size(room));
	auto *fresh = reinterpret_cast<agg_candlestick *>(memory.get());
	if (memory_ == nullptr)
		agg_candlestick_begin(fresh, room);
	else
		agg_candlestick_copy(fresh, room, get());
	memory_ = std::move(memory);
	return fresh;
}

void TickMinutes::Room::add(int64_t time, double price, agg_number volume) {
	auto *candlestick = memory_ == nullptr ? begin(AGG_CANDLESTICK_ROOM) : reinterpret_cast<agg_candlestick *>(memory_.get());
	if (!agg_candlestick_add_trade(candlestick, time, price, volume))
		(void)agg_candlestick_add_trade(begin(AGG_CANDLESTICK_FULL_ROOM), time, price, volume);
}

uint32_t TickMinutes::number_of(std::string_view symbol) {
	if (last_symbol_ < symbols_.size() && *symbols_[last_symbol_] == symbol)
		return last_symbol_;
	auto found = numbers_.find(symbol);
	if (found == numbers_.end()) {
		found = numbers_.emplace(std::string(symbol), static_cast<uint32_t>(symbols_.size())).first;
		symbols_.push_back(&found->first);
	}
	last_symbol_ = found->second;
	return last_symbol_;
}

void TickMinutes::want(const TickMinute &minute) {
	minutes_.try_emplace(minute);
}

bool TickMinutes::add(std::string_view symbol, Timestamp time, double price, std::optional<double> volume) {
	const TickMinute minute {number_of(symbol), minute_of(time)};
	if (last_room_ == nullptr || !(last_minute_ == minute)) {
		const auto found = minutes_.find(minute);
		if (found == minutes_.end())
			return false;
		last_minute_ = minute;
		last_room_ = &found->second;
	}
	last_room_->add(time.us, price, {volume.has_value(), volume.value_or(0)});
	return true;
}

std::optional<TickBar> TickMinutes::Room::bar() const {
	const agg_candlestick *candlestick = get();
	if (candlestick == nullptr || agg_candlestick_is_empty(candlestick))
		return std::nullopt;
	const auto known = [](agg_number number) { return number.known ? std::optional(number.value) : std::nullopt; };
	int64_t trades = 0;
	const bool counted = agg_candlestick_trades(candlestick, &trades);
	return TickBar {.open = agg_candlestick_price(candlestick, AGG_OPEN),
	                .high = agg_candlestick_price(candlestick, AGG_HIGH),
	                .low = agg_candlestick_price(candlestick, AGG_LOW),
	                .close = agg_candlestick_price(candlestick, AGG_CLOSE),
	                .vol = known(agg_candlestick_volume(candlestick)),
	                .vwap = known(agg_candlestick_vwap(candlestick)),
	                .trade_count = counted ? std::optional(trades) : std::nullopt};
}

} // namespace aggregation
