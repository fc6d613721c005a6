/* How tests steer the stand-in, and what it writes down for them.
 *
 * Three environment variables, looked at whenever something is to be decided:
 *
 *   STAND_IN_EDGETPU_BEHAVIOUR  what to do: one line of the words below; "accept" when unset
 *   STAND_IN_EDGETPU_FILE       a file with such lines, which wins over the variable as long as it
 *                               exists; read again at each create, load and inference, so that a
 *                               test can replace it (rename another onto it) while a program runs
 *   STAND_IN_EDGETPU_JOURNAL    a file to which each event is appended as one line
 *
 * Words, in any order, between spaces:
 *
 *   accept        there is a device: take part in every inference (this is so without the word too)
 *   refuse        there is no device: create gives NULL and reports nothing
 *   create_ms=N   create takes N ms before it accepts or refuses, with Python's GIL held, since
 *                 load_delegate holds it
 *   crash         crash (SIGSEGV) when a model is loaded, as a library of another version does
 *   slow_ms=N     each inference takes N ms longer
 *   stall=N       never return from the N-th inference
 *   abort=N       at the N-th inference say what libedgetpu says of a lost device, and abort()
 *   fail=N        the N-th inference returns an error
 *
 * N of the last three counts the inferences of one loaded delegate from 1; a warm-up is one too.
 * They hold from the N-th on: "abort=1", written while a program runs, hits its next inference.
 *
 * A file may have several lines. The first is in force; once what it says strikes (refuse, crash,
 * stall, abort or fail), it is removed, unless it is the last, and only then does that happen. So
 *
 *   abort=5
 *   refuse
 *   accept
 *
 * is a device that is lost at the fifth inference, absent when it is looked for next, and there
 * from then on. The count of a delegate that lives on (after fail) is not set back.
 *
 * A word that is not in this list, or a first line without words, refuses with a message, or fails
 * the load or the inference with it: a test with a typing error must not pass.
 *
 * Journal: "<CLOCK_MONOTONIC in ns> <process> <event> <detail>", where the events are
 *
 *   create <key>=<value> ...       a delegate is asked for, with these options
 *   accept | refuse                what came of it
 *   load <node> <nodes> | crash    a graph is loaded and this node of so many claimed
 *   answer <n> | stall <n> | abort <n> | fail <n>
 *                                  how the n-th inference ended: each has one such line
 *   destroy <n>                    the delegate was given back after n inferences
 *
 * A line that strikes is removed before its event is in the journal.
 */

#ifndef STAND_IN_STEERING_H
#define STAND_IN_STEERING_H

#include <stdbool.h>

enum { STEERING_BYTES = 16384, COMPLAINT_BYTES = 256 };

typedef struct {
    bool refuse;
    bool crash;
    unsigned long create_ms;
    unsigned long slow_ms;
    unsigned long stall; /* the inference at which it begins; 0 is never */
    unsigned long abort;
    unsigned long fail;
    char complaint[COMPLAINT_BYTES]; /* what is wrong with the words, or "" */
    char text[STEERING_BYTES];       /* the whole file, if the words are from there */
} Behaviour;

/* Read what to do now. */
void read_behaviour(Behaviour *behaviour);

/* Remove the line that has just struck, if another follows and nobody rewrote the file. */
void strike_line(const Behaviour *behaviour);

/* Append an event to the journal. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

#endif
