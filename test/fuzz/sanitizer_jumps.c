/*
 * Loaded before the server of the suite `sanitized`. The server's errors jump over frames of the library, whose stack AddressSanitizer keeps
 * marked until it is told; it watches the jumps of what was loaded after it alone, and the server was loaded before. So it is told here:
 * else frames that are gone are found in the next ones.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>

typedef void (*jump)(sigjmp_buf, int) __attribute__((noreturn));

/* What siglongjmp() is called in programs that were built with _FORTIFY_SOURCE, as Debian's are. */
__attribute__((noreturn)) void __longjmp_chk(sigjmp_buf place, int value);

static void forget_frames(void) {
	void (*forget)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "__asan_handle_no_return");

	if (forget)
		forget();
}

void __longjmp_chk(sigjmp_buf place, int value) {
	forget_frames();
	((jump)dlsym(RTLD_NEXT, "__longjmp_chk"))(place, value);
}

__attribute__((noreturn)) void siglongjmp(sigjmp_buf place, int value) {
	forget_frames();
	((jump)dlsym(RTLD_NEXT, "siglongjmp"))(place, value);
}
