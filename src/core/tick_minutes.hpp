// Ticks, or trades, into the candlesticks of their minutes: the sums and prices of the aggregate candlestick(time, price, volume), whose
// functions these are. Ticks come in any order; memory is proportional to minutes, never to ticks.
#pragma once

#include "core/candlestick.h"
#include "core/timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aggregation {

struct TickBar {
	double open = 0;
	double high = 0;
	double low = 0;
	double close = 0;
	std::optional<double> vol;
	std::optional<double> vwap;
	std::optional<int64_t> trade_count;
};

/// A minute of a symbol, both by number.
struct TickMinute {
	uint32_t symbol;
	Timestamp start;

	bool operator==(const TickMinute &) const = default;
};

class TickMinutes {
public:
	/// The symbol's number: from 0, in the order in which they are first asked for.
	uint32_t number_of(std::string_view symbol);
	const std::string &symbol(uint32_t number) const {
		return *symbols_[number];
	}
	size_t symbols() const {
		return symbols_.size();
	}

	/// Makes room for the ticks of a minute.
	void want(const TickMinute &minute);
	/// Adds a tick to its minute. False: nobody wants that. One without a price, which is no number then, counts for nothing.
	bool add(std::string_view symbol, Timestamp time, double price, std::optional<double> volume);
	/// How many minutes there is room for.
	size_t size() const {
		return minutes_.size();
	}
	/// Gives each minute that has a tick to `take`, in no order; with its bar, unless no tick of it counts.
	template <class Take>
	void for_each(Take take) const {
		for (const auto &[minute, room] : minutes_) {
			if (room.any())
				take(minute, room.bar());
		}
	}

private:
	struct Hash {
		size_t operator()(const TickMinute &minute) const {
			return (static_cast<size_t>(minute.start.us / Duration::minutes(1).us) * 0x9E3779B97F4A7C15U) ^
			       (minute.symbol * 0xC2B2AE3D27D4EB4FU);
		}
	};
	struct TextHash {
		using is_transparent = void;
		size_t operator()(std::string_view text) const {
			return std::hash<std::string_view>()(text);
		}
	};
	/// Has little room for its sums at first, and more where it needs that; nothing before its first tick.
	class Room {
	public:
		std::optional<TickBar> bar() const;
		bool any() const {
			return memory_ != nullptr;
		}
		void add(int64_t time, double price, agg_number volume);

	private:
		const agg_candlestick *get() const {
			return reinterpret_cast<const agg_candlestick *>(memory_.get());
		}
		agg_candlestick *begin(size_t room);
		std::unique_ptr<unsigned char[]> memory_;
	};

	std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> numbers_;
	std::vector<const std::string *> symbols_;
	std::unordered_map<TickMinute, Room, Hash> minutes_;
	// Ticks of a symbol, and of a minute, mostly come together.
	uint32_t last_symbol_ = 0;
	TickMinute last_minute_ {};
	Room *last_room_ = nullptr;
};

} // namespace aggregation
