#ifndef PAWL_CLI_SCREEN_H
#define PAWL_CLI_SCREEN_H

// A terminal as a screen that is drawn anew, and as keys that are read one by one.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "base/buf.h"

enum pawl_key { // others are the character that was typed
    PAWL_KEY_NONE = 0,
    PAWL_KEY_ESCAPE = 27,
    PAWL_KEY_UP = 256,
    PAWL_KEY_DOWN,
    PAWL_KEY_LEFT,
    PAWL_KEY_RIGHT,
    PAWL_KEY_OTHER,  // one that means nothing here
    PAWL_KEY_RESIZE, // the terminal has another size
    PAWL_KEY_END,    // a signal came, or there is no terminal any more
};

struct pawl_screen {
    struct termios before;
    size_t columns, rows;
    unsigned char typed[64]; // what was read and not yet given
    size_t typed_len;
};

// Whether standard input and output are a terminal that can be drawn on.
bool pawl__screen_is_there(void);

// Takes the terminal: its old contents come back with pawl__screen_end. One screen at a time.
// False, with errno: it cannot be had.
bool pawl__screen_begin(struct pawl_screen *screen);
void pawl__screen_end(struct pawl_screen *screen);

// Draws |picture|, lines that are no longer than |columns|. False: nobody sees it any more.
bool pawl__screen_draw(const struct pawl_screen *screen, struct pawl_str picture);

// The next key, PAWL_KEY_NONE when none comes before |until| (steady).
int pawl__screen_key(struct pawl_screen *screen, int64_t until);

// Gives the terminal back, stops this process as Ctrl-Z does, and takes the terminal again.
void pawl__screen_suspend(struct pawl_screen *screen);

#endif
