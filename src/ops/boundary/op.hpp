// Op<T>: a coroutine that computes a T and may be suspended while the database works. It starts when it is awaited and gives control back
// to who awaits it when it ends; exceptions travel the same way. Destroying an Op destroys its frame and everything suspended inside it.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace aggregation {

template <class T>
class [[nodiscard]] Op;

namespace detail {

struct OpPromiseBase {
	std::coroutine_handle<> continuation = std::noop_coroutine();
	std::exception_ptr failure;

	struct FinalAwaiter {
		bool await_ready() const noexcept {
			return false;
		}
		template <class Promise>
		std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
			return ended.promise().continuation;
		}
		void await_resume() const noexcept {
		}
	};

	std::suspend_always initial_suspend() const noexcept {
		return {};
	}
	FinalAwaiter final_suspend() const noexcept {
		return {};
	}
	void unhandled_exception() noexcept {
		failure = std::current_exception();
	}
};

template <class T>
struct OpPromise : OpPromiseBase {
	std::optional<T> value;

	Op<T> get_return_object();
	void return_value(T result) {
		value.emplace(std::move(result));
	}
	T take() {
		if (failure)
			std::rethrow_exception(failure);
		return std::move(*value);
	}
};

template <>
struct OpPromise<void> : OpPromiseBase {
	Op<void> get_return_object();
	void return_void() const noexcept {
	}
	void take() const {
		if (failure)
			std::rethrow_exception(failure);
	}
};

} // namespace detail

template <class T>
class [[nodiscard]] Op {
public:
	using promise_type = detail::OpPromise<T>;
	using Handle = std::coroutine_handle<promise_type>;

	explicit Op(Handle handle) : handle_(handle) {
	}
	Op(Op &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {
	}
	Op(const Op &) = delete;
	Op &operator=(const Op &) = delete;
	Op &operator=(Op &&) = delete;
	~Op() {
		if (handle_)
			handle_.destroy();
	}

	// Awaited by another Op.
	bool await_ready() const noexcept {
		return false;
	}
	std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
		handle_.promise().continuation = awaiting;
		return handle_;
	}
	T await_resume() {
		return handle_.promise().take();
	}

	// Driven from outside.
	void start() {
		handle_.resume();
	}
	bool done() const {
		return handle_.done();
	}
	T result() {
		return handle_.promise().take();
	}

private:
	Handle handle_;
};

namespace detail {

template <class T>
Op<T> OpPromise<T>::get_return_object() {
	return Op<T>(std::coroutine_handle<OpPromise>::from_promise(*this));
}

inline Op<void> OpPromise<void>::get_return_object() {
	return Op<void>(std::coroutine_handle<OpPromise>::from_promise(*this));
}

} // namespace detail

} // namespace aggregation
