// What lies behind the candles: gaps, closed hours, and a ribbon at the bottom for bars that are not complete.

class Shading {
	constructor() {
		this.slots = [];
		this.colors = {};
		const renderer = { draw: () => {}, drawBackground: (target) => target.useBitmapCoordinateSpace((scope) => this.paint(scope)) };
		this.views = [{ zOrder: () => 'bottom', renderer: () => renderer }];
	}
	attached({ chart, requestUpdate }) {
		this.chart = chart;
		this.update = requestUpdate;
	}
	paneViews() {
		return this.views;
	}
	show(slots, colors) {
		this.slots = slots;
		this.colors = colors;
		this.update?.();
	}
	paint({ context, bitmapSize, horizontalPixelRatio: ratio }) {
		const scale = this.chart.timeScale();
		const range = scale.getVisibleLogicalRange();
		if (!range) return;
		const first = Math.max(0, Math.floor(range.from) - 1);
		const last = Math.min(this.slots.length - 1, Math.ceil(range.to) + 1);
		const spacing = scale.options().barSpacing;
		const left = (index) => (scale.logicalToCoordinate(index) - spacing / 2) * ratio;
		// Where bars are narrower than a pixel, a gap colours its share of one.
		const narrow = spacing * ratio < 2;
		const round = narrow ? (x) => x : Math.round;
		const stripe = narrow ? spacing * ratio : Math.round(2 * ratio);
		const thinnest = narrow ? 0.1 : 1;
		const ribbon = Math.round(5 * ratio);
		let begun = first;
		for (let i = first; i <= last; i++) {
			const slot = this.slots[i];
			if (slot.afterClose) {
				context.fillStyle = this.colors.closedLine;
				context.fillRect(round(left(i) - stripe / 2), 0, stripe, bitmapSize.height);
			}
			// Neighbours of a kind are one rectangle: no seams between them.
			if (i < last && this.kindOf(this.slots[i + 1]) === this.kindOf(slot)) continue;
			const kind = this.kindOf(slot);
			const from = round(left(begun));
			const width = Math.max(thinnest, round(left(i + 1)) - from);
			begun = i + 1;
			if (kind === '') continue;
			context.fillStyle = this.colors[kind];
			if (kind === 'gap' || kind === 'closed') context.fillRect(from, 0, width, bitmapSize.height);
			else context.fillRect(from, bitmapSize.height - ribbon, width, ribbon);
		}
	}
	kindOf(slot) {
		if (slot.gap) return 'gap';
		if (slot.outside) return 'closed';
		return slot.quality === null || slot.quality === 2 ? '' : `q${slot.quality}`;
	}
}
