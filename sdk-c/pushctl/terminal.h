/*
 * terminal.h - the whole of a terminal for a while: another screen, keys as
 * they are pressed, and all of it back at the end, whatever ends it.
 *
 * One at a time; all state is the process's.
 */
#ifndef PUSHCTL_TERMINAL_H
#define PUSHCTL_TERMINAL_H

/* What ctl_terminal_wait() returns besides keys. */
enum {
    CTL_TIME = 0,   /* nothing came in time */
    CTL_END = -1,   /* a signal to end, or the terminal is gone */
    CTL_REDRAW = -2 /* the size changed, or it was stopped and continued */
};

/* Take the terminal of standard input and output. 0, or -1: there is none. */
int ctl_terminal_open(void);

/* Give it back as it was. */
void ctl_terminal_close(void);

/* Show lines of clean text from the top, cut to the size of the screen. */
void ctl_terminal_draw(const char *text);

/* Wait up to ms for a key; it, or one of the above. */
int ctl_terminal_wait(long ms);

#endif
