#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    SCREEN_ESCAPE_MS = 30, // for the rest of a key's sequence to come
    SCREEN_COLUMNS = 80,   // of a terminal that does not say
    SCREEN_ROWS = 24,
    SCREEN_LEAST = 10,
};

// What signals say; a handler has nothing else to say it to.
static volatile sig_atomic_t screen_ended, screen_resized;

static void screen_on_signal(int number) {
    if (number == SIGWINCH)
        screen_resized = 1;
    else
        screen_ended = 1;
}

static const int screen_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};

bool pawl__screen_is_there(void) {
    const char *kind = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind && *kind &&
           strcmp(kind, "dumb") != 0;
}

static bool screen_write(const char *data, size_t len) {
    while (len) {
        ssize_t written = write(STDOUT_FILENO, data, len);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        data += written;
        len -= (size_t)written;
    }
    return true;
}

static bool screen_say(const char *text) {
    return screen_write(text, strlen(text));
}

static void screen_measure(struct pawl_screen *screen) {
    struct winsize size;
    bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    screen->columns = told && size.ws_col ? size.ws_col : SCREEN_COLUMNS;
    screen->rows = told && size.ws_row ? size.ws_row : SCREEN_ROWS;
    if (screen->columns < SCREEN_LEAST) screen->columns = SCREEN_LEAST;
}

static bool screen_take(struct pawl_screen *screen) {
    if (tcgetattr(STDIN_FILENO, &screen->before)) return false;
    struct termios raw = screen->before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= (tcflag_t) ~(IXON | ICRNL);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw)) return false;
    screen_measure(screen);
    return screen_say("\33[?1049h\33[?25l\33[H\33[J");
}

static void screen_give(const struct pawl_screen *screen) {
    screen_say("\33[?25h\33[?1049l");
    tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

bool pawl__screen_begin(struct pawl_screen *screen) {
    const struct sigaction action = {.sa_handler = screen_on_signal}; // it interrupts poll
    *screen = (struct pawl_screen){.typed_len = 0};
    screen_ended = screen_resized = 0;
    for (size_t i = 0; i < sizeof screen_signals / sizeof *screen_signals; i++)
        sigaction(screen_signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    return screen_take(screen);
}

void pawl__screen_end(struct pawl_screen *screen) {
    screen_give(screen);
    for (size_t i = 0; i < sizeof screen_signals / sizeof *screen_signals; i++)
        signal(screen_signals[i], SIG_DFL);
}

void pawl__screen_suspend(struct pawl_screen *screen) {
    screen_give(screen);
    raise(SIGSTOP); // we go on here when our shell says so
    screen_take(screen);
}

bool pawl__screen_draw(const struct pawl_screen *screen, struct pawl_str picture) {
    struct pawl_buf out = {0};
    struct pawl_str rest = picture;
    pawl__buf_append(&out, "\33[H", 3);
    for (size_t row = 0; rest.data && row < screen->rows; row++) {
        if (row) pawl__buf_append(&out, "\r\n", 2);
        pawl__buf_append_str(&out, pawl__str_cut(&rest, '\n'));
        pawl__buf_append(&out, "\33[K", 3);
    }
    pawl__buf_append(&out, "\33[J", 3);
    bool ok = !out.failed && screen_write((const char *)out.data, out.len);
    pawl__buf_finish(&out);
    return ok;
}

// --- keys ----------------------------------------------------------------------------------------

// Waits for more to be typed. False: nothing came in time, or a signal.
static bool screen_read(struct pawl_screen *screen, int64_t until) {
    struct pollfd poll_for = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t left = until - pawl__clock_steady();
    int wait = left > 0 ? (int)((left + PAWL_MILLISECOND - 1) / PAWL_MILLISECOND) : 0;
    if (screen->typed_len == sizeof screen->typed || poll(&poll_for, 1, wait) <= 0) return false;
    ssize_t len = read(STDIN_FILENO, screen->typed + screen->typed_len,
                       sizeof screen->typed - screen->typed_len);
    if (len <= 0) screen_ended = 1; // the terminal is gone
    if (len > 0) screen->typed_len += (size_t)len;
    return len > 0;
}

static void screen_drop(struct pawl_screen *screen, size_t len) {
    screen->typed_len -= len;
    memmove(screen->typed, screen->typed + len, screen->typed_len);
}

// The key whose sequence begins with an escape: ESC [ A, or ESC O A (ECMA-48, and xterm's).
static int screen_sequence(struct pawl_screen *screen) {
    int64_t until = pawl__clock_steady() + SCREEN_ESCAPE_MS * PAWL_MILLISECOND;
    while (screen->typed_len < 3 && screen_read(screen, until)) continue;
    const unsigned char *typed = screen->typed;
    size_t len = 2;
    if (screen->typed_len < 3 || (typed[1] != '[' && typed[1] != 'O')) {
        screen_drop(screen, 1);
        return PAWL_KEY_ESCAPE;
    }
    while (len < screen->typed_len && typed[len] < 0x40) len++; // parameters
    int last = len < screen->typed_len ? typed[len] : 0;
    screen_drop(screen, len < screen->typed_len ? len + 1 : screen->typed_len);
    switch (last) {
    case 'A': return PAWL_KEY_UP;
    case 'B': return PAWL_KEY_DOWN;
    case 'C': return PAWL_KEY_RIGHT;
    case 'D': return PAWL_KEY_LEFT;
    default: return PAWL_KEY_OTHER;
    }
}

int pawl__screen_key(struct pawl_screen *screen, int64_t until) {
    while (!screen->typed_len && !screen_ended && !screen_resized && pawl__clock_steady() < until)
        screen_read(screen, until);
    if (screen_ended) return PAWL_KEY_END;
    if (screen_resized) {
        screen_resized = 0;
        screen_measure(screen);
        return PAWL_KEY_RESIZE;
    }
    if (!screen->typed_len) return PAWL_KEY_NONE;
    int key = screen->typed[0];
    if (key == PAWL_KEY_ESCAPE) return screen_sequence(screen);
    screen_drop(screen, 1);
    return key ? key : PAWL_KEY_OTHER;
}
