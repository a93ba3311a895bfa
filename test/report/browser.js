// A headless Chromium, spoken to by the DevTools protocol over a pipe. Node needs no package for that, and npm has brought Node along already.
'use strict';

const { spawn } = require('node:child_process');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

class Browser {
	constructor(program = process.env.CHROMIUM || 'chromium') {
		this.folder = mkdtempSync(join(process.env.TMPDIR || '/tmp', 'chromium-'));
		const options = ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${this.folder}`, '--no-first-run', '--disable-gpu', '--disable-dev-shm-usage',
			'--disable-background-networking', '--hide-scrollbars', '--force-color-profile=srgb', 'about:blank'];
		// (Chromium's own sandbox does not work as root, nor in a container.)
		if (process.getuid() === 0) options.unshift('--no-sandbox');
		this.process = spawn(program, options, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: this.folder } });
		this.failed = new Promise((_, reject) => {
			this.process.on('error', reject);
			this.process.on('exit', (code) => reject(new Error(`Chromium ended with ${code}`)));
		});
		this.failed.catch(() => {});
		this.waiting = new Map();
		this.listeners = [];
		this.last = 0;
		let rest = [];
		this.process.stdio[4].on('data', (chunk) => {
			let end;
			while ((end = chunk.indexOf(0)) >= 0) {
				this.hear(JSON.parse(Buffer.concat([...rest, chunk.subarray(0, end)]).toString()));
				rest = [];
				chunk = chunk.subarray(end + 1);
			}
			rest.push(chunk);
		});
		this.process.stdio[3].on('error', () => {});
	}
	hear(message) {
		if (message.id === undefined) {
			for (const listener of this.listeners) listener(message);
			return;
		}
		const { resolve, reject } = this.waiting.get(message.id);
		this.waiting.delete(message.id);
		if (message.error) reject(new Error(message.error.message));
		else resolve(message.result);
	}
	send(method, params = {}, sessionId = undefined) {
		const id = ++this.last;
		const answer = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
		this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
		return Promise.race([answer, this.failed]);
	}
	// A page of that size; it is ready, and has noted what went to its console.
	async open(file, { width = 1280, height = 900, dark = false, mobile = false } = {}) {
		const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
		const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
		const page = new Page(this, sessionId, targetId);
		for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
		await page.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
		await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
		await page.send('Page.navigate', { url: pathToFileURL(file).href });
		await page.until('document.documentElement?.dataset.ready === "yes"');
		await page.settle();
		return page;
	}
	async close() {
		this.failed.catch(() => {});
		const gone = new Promise((resolve) => this.process.on('exit', resolve));
		this.send('Browser.close').catch(() => {});
		await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 3000))]);
		this.process.kill('SIGKILL');
		rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
	}
}

class Page {
	constructor(browser, session, target) {
		this.browser = browser;
		this.session = session;
		this.target = target;
		this.errors = []; // of the console, and what was thrown
		this.requests = []; // anything but the file itself
		browser.listeners.push(({ sessionId, method, params }) => {
			if (sessionId !== session) return;
			if (method === 'Runtime.exceptionThrown') this.errors.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
			if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) this.errors.push(params.args.map((each) => each.value ?? each.description).join(' '));
			if (method === 'Log.entryAdded' && ['error', 'warning'].includes(params.entry.level)) this.errors.push(params.entry.text);
			if (method === 'Network.requestWillBeSent' && !/^(file|data):/.test(params.request.url)) this.requests.push(params.request.url);
		});
	}
	send(method, params) {
		return this.browser.send(method, params, this.session);
	}
	// The value of an expression in the page.
	async evaluate(expression) {
		const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
		if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description || exceptionDetails.text}`);
		return result.value;
	}
	async until(condition, seconds = 60) {
		const end = Date.now() + seconds * 1000;
		while (!(await this.evaluate(condition))) {
			if (Date.now() > end) throw new Error(`${condition} did not become true; the page said: ${this.errors.join('; ')}`);
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	}
	// Until what was changed has been painted.
	settle() {
		return this.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))');
	}
	async press(key, modifiers = 0) {
		await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, modifiers, windowsVirtualKeyCode: { ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Home: 36, End: 35, Tab: 9, ' ': 32 }[key] });
		await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, modifiers });
		await this.settle();
	}
	async click(selector) {
		const { x, y } = await this.evaluate(`(() => { const found = document.querySelector(${JSON.stringify(selector)}); found.scrollIntoView({ block: 'center' }); const box = found.getBoundingClientRect(); return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()`);
		for (const type of ['mousePressed', 'mouseReleased']) await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
		await this.settle();
	}
	async picture(file, whole = false) {
		const { data } = await this.send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole });
		writeFileSync(file, Buffer.from(data, 'base64'));
	}
	close() {
		return this.browser.send('Target.closeTarget', { targetId: this.target });
	}
}

module.exports = { Browser };
