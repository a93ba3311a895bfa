// Candles, volume and an index below them. The library leaves out the time in which there are no bars; it knows only UTC, so labels and the
// places of the labels come from here.

const { CandlestickSeries, HistogramSeries, LineSeries } = LightweightCharts;

// How much a label stands out, as the library counts it.
const WEIGHTS = [[43200, 33], [21600, 32], [10800, 31], [3600, 30], [1800, 22], [300, 21], [60, 20], [1, 10]];

function weightBetween(before, now) {
	if (before.getUTCFullYear() !== now.getUTCFullYear()) return 70;
	if (before.getUTCMonth() !== now.getUTCMonth()) return 60;
	if (before.getUTCDate() !== now.getUTCDate()) return 50;
	for (const [seconds, weight] of WEIGHTS) {
		if (Math.floor(before / (1000 * seconds)) !== Math.floor(now / (1000 * seconds))) return weight;
	}
	return 0;
}

// The library's own time scale, with days that begin at midnight of the zone.
function scaleIn(zoneOf) {
	const Scale = LightweightCharts.defaultHorzScaleBehavior();
	return new (class extends Scale {
		fillWeightsForPoints(points, start) {
			super.fillWeightsForPoints(points, start);
			const zone = zoneOf();
			for (let i = Math.max(1, start); i < points.length; i++) {
				points[i].timeWeight = weightBetween(zone.wall(points[i - 1].originalTime), zone.wall(points[i].originalTime));
			}
		}
	})();
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

class PriceChart {
	// onSlot(slot): the one under the crosshair, or the last one.
	constructor(container, onSlot) {
		this.container = container;
		this.onSlot = onSlot;
		this.zone = UTC;
		this.slots = [];
		this.at = null;
		this.chart = LightweightCharts.createChartEx(container, scaleIn(() => this.zone), {
			autoSize: true,
			localization: { timeFormatter: (time) => `${this.zone.weekday(time)} ${this.zone.text(time)}` },
			timeScale: { timeVisible: true, minBarSpacing: 0.01, rightOffset: 3, tickMarkFormatter: (time, type) => this.tick(time, type) },
			crosshair: { mode: 0 },
			// The page scrolls under a finger; the chart moves sideways.
			handleScroll: { vertTouchDrag: false, mouseWheel: true, pressedMouseMove: true, horzTouchDrag: true },
		});
		this.candles = this.chart.addSeries(CandlestickSeries, {});
		this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: 'volume', priceFormat: { type: 'volume' }, lastValueVisible: false, priceLineVisible: false });
		this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0.02 } });
		this.shading = new Shading();
		this.candles.attachPrimitive(this.shading);
		this.index = null;
		this.chart.subscribeCrosshairMove((event) => this.pointed(event));
		container.addEventListener('keydown', (event) => this.key(event));
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
	}
	tick(time, type) {
		const wall = this.zone.wall(time);
		if (type === 0) return String(wall.getUTCFullYear());
		if (type === 1) return MONTHS[wall.getUTCMonth()];
		if (type === 2) return `${wall.getUTCDate()} ${MONTHS[wall.getUTCMonth()]}`;
		return wall.toISOString().slice(11, type === 4 ? 19 : 16);
	}
	// indexBars: null, or the bars of an index of the same timeframe.
	show(bars, indexBars, sessions, zone) {
		this.zone = zone;
		this.slots = bars.slots;
		noteClosed(this.slots, secondsOf(bars.timeframe), sessions);
		const decimals = decimalsOf(this.slots);
		this.candles.applyOptions({ priceFormat: { type: 'price', precision: decimals, minMove: 10 ** -decimals } });
		this.hasVolume = this.slots.some((slot) => Number.isFinite(slot.vol) && slot.vol > 0);
		this.volume.applyOptions({ visible: this.hasVolume });
		this.candles.priceScale().applyOptions({ autoScale: true, scaleMargins: { top: 0.08, bottom: this.hasVolume ? 0.22 : 0.06 } });
		this.chart.applyOptions({ timeScale: { timeVisible: !bars.dates, secondsVisible: false } });
		if (this.index) {
			this.chart.removeSeries(this.index);
			this.index = null;
		}
		this.indexCloses = new Map();
		if (indexBars) {
			for (const slot of indexBars.slots) if (!slot.gap) this.indexCloses.set(slot.time, slot.close);
			const precision = decimalsOf(indexBars.slots);
			this.index = this.chart.addSeries(LineSeries, { title: indexBars.symbol, lineWidth: 1, priceLineVisible: false,
				priceFormat: { type: 'price', precision, minMove: 10 ** -precision } }, 1);
			this.chart.panes()[0].setStretchFactor(4);
			this.chart.panes()[1].setStretchFactor(1);
		}
		this.at = null;
		this.paint();
		this.newest();
		this.onSlot(this.lastBar());
	}
	paint() {
		const style = getComputedStyle(document.documentElement);
		const color = (name) => style.getPropertyValue(`--${name}`).trim();
		const bodies = { 1: color('q1'), 0: color('q0'), '-1': color('q-1') };
		this.chart.applyOptions({
			layout: { background: { color: color('paper') }, textColor: color('ink'), fontFamily: style.fontFamily || 'sans-serif', panes: { separatorColor: color('line') } },
			grid: { vertLines: { color: color('grid') }, horzLines: { color: color('grid') } },
			rightPriceScale: { borderColor: color('line') },
			timeScale: { borderColor: color('line') },
		});
		this.candles.applyOptions({ upColor: color('up'), downColor: color('down'), borderUpColor: color('up'), borderDownColor: color('down'), wickUpColor: color('up'), wickDownColor: color('down') });
		const last = this.lastBar();
		if (last) this.candles.applyOptions({ priceLineColor: color(last.state === 'forming' ? 'forming' : last.close < last.open ? 'down' : 'up') });
		this.index?.applyOptions({ color: color('index') });
		const volumes = { up: color('volume-up'), down: color('volume-down') };
		const candles = [];
		const volume = [];
		const index = [];
		for (const slot of this.slots) {
			const { time } = slot;
			if (slot.gap) {
				candles.push({ time });
				continue;
			}
			const candle = { time, open: slot.open, high: slot.high, low: slot.low, close: slot.close };
			if (slot.state === 'forming') candle.color = color('paper');
			else if (slot.state === 'provisional') candle.color = color('provisional');
			else if (bodies[slot.quality]) candle.color = bodies[slot.quality];
			if (slot.state === 'forming') candle.borderColor = candle.wickColor = color('forming');
			candles.push(candle);
			if (this.hasVolume && Number.isFinite(slot.vol)) volume.push({ time, value: slot.vol, color: volumes[slot.close < slot.open ? 'down' : 'up'] });
			if (this.indexCloses.has(time)) index.push({ time, value: this.indexCloses.get(time) });
		}
		this.candles.setData([]);
		this.candles.setData(candles);
		this.volume.setData(volume);
		this.index?.setData(index);
		this.shading.show(this.slots, { gap: color('gap'), closed: color('closed'), closedLine: color('closed-line'), q1: color('q1'), q0: color('q0'), 'q-1': color('q-1') });
	}
	// The newest bars, as many as can be told apart.
	newest() {
		const wide = Math.max(30, Math.floor(this.container.clientWidth / 7));
		const last = this.slots.length - 1;
		this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(last - wide, Math.min(-1, last - 20)), to: last + 3 });
	}
	all() {
		this.chart.timeScale().fitContent();
	}
	lastBar() {
		return this.slots.findLast((slot) => !slot.gap) || null;
	}
	pointed(event) {
		const slot = event.logical === undefined ? null : this.slots[Math.round(event.logical)];
		if (slot) this.at = Math.round(event.logical);
		this.onSlot(slot || this.lastBar());
	}
	indexAt(slot) {
		return this.indexCloses.get(slot.time);
	}
	key(event) {
		const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
		const scale = this.chart.timeScale();
		const range = scale.getVisibleLogicalRange();
		if (event.ctrlKey || event.metaKey || event.altKey || this.slots.length === 0 || !range) return;
		if (step !== undefined) {
			event.preventDefault();
			const last = this.slots.length - 1;
			const at = Math.max(0, Math.min(last, (this.at ?? last + 1) + step * (event.shiftKey ? 10 : 1)));
			if (at < range.from || at > range.to) {
				const half = (range.to - range.from) / 2;
				scale.setVisibleLogicalRange({ from: at - half, to: at + half });
			}
			const slot = this.slots[at];
			this.at = at;
			this.chart.setCrosshairPosition(slot.close ?? this.lastBar().close, slot.time, this.candles);
			this.onSlot(slot, true);
		} else if (event.key === '+' || event.key === '=' || event.key === '-') {
			event.preventDefault();
			const change = (range.to - range.from) * (event.key === '-' ? 0.25 : -0.2);
			scale.setVisibleLogicalRange({ from: range.from - change, to: range.to + change });
		}
	}
}
