#define _POSIX_C_SOURCE 200809L

#include "steering.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void complain(Behaviour *behaviour, const char *what, const char *where) {
    snprintf(behaviour->complaint, sizeof behaviour->complaint, "stand-in: %s: %.150s", what,
             where);
}

/* Read a small file; returns false when there is none. */
static bool read_file(const char *path, char text[STEERING_BYTES]) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const ssize_t length = read(file, text, STEERING_BYTES - 1);
    close(file);
    text[length < 0 ? 0 : length] = '\0';
    return true;
}

/* Understand "name=123"; returns false for another word, or when no number above 0 follows. */
static bool number_after(const char *name, const char *word, unsigned long *number) {
    const size_t length = strlen(name);
    if (strncmp(word, name, length) != 0 || word[length] != '=' ||
        strspn(word + length + 1, "0123456789") != strlen(word + length + 1)) {
        return false;
    }
    errno = 0;
    *number = strtoul(word + length + 1, NULL, 10);
    return *number > 0 && errno == 0;
}

static void understand(Behaviour *behaviour, const char *word) {
    if (strcmp(word, "accept") == 0) {
        behaviour->refuse = false;
    } else if (strcmp(word, "refuse") == 0) {
        behaviour->refuse = true;
    } else if (strcmp(word, "crash") == 0) {
        behaviour->crash = true;
    } else if (!number_after("create_ms", word, &behaviour->create_ms) &&
               !number_after("slow_ms", word, &behaviour->slow_ms) &&
               !number_after("stall", word, &behaviour->stall) &&
               !number_after("abort", word, &behaviour->abort) &&
               !number_after("fail", word, &behaviour->fail)) {
        complain(behaviour, "no such word", word);
    }
}

void read_behaviour(Behaviour *behaviour) {
    memset(behaviour, 0, sizeof *behaviour);
    const char *path = getenv("STAND_IN_EDGETPU_FILE");
    const char *variable = getenv("STAND_IN_EDGETPU_BEHAVIOUR");
    char line[STEERING_BYTES] = "accept";
    if (path != NULL && read_file(path, behaviour->text)) {
        if (strlen(behaviour->text) == STEERING_BYTES - 1) {
            complain(behaviour, "longer than it may be", path);
        }
        memcpy(line, behaviour->text, sizeof line);
        line[strcspn(line, "\n")] = '\0';
    } else if (variable != NULL) {
        snprintf(line, sizeof line, "%s", variable);
    }
    char *rest = NULL;
    char *word = strtok_r(line, " \t\r\n", &rest);
    if (word == NULL) {
        complain(behaviour, "no words in its first line", path != NULL ? path : "the variable");
    }
    for (; word != NULL; word = strtok_r(NULL, " \t\r\n", &rest)) {
        understand(behaviour, word);
    }
}

void strike_line(const Behaviour *behaviour) {
    const char *path = getenv("STAND_IN_EDGETPU_FILE");
    const char *end = strchr(behaviour->text, '\n');
    if (path == NULL || end == NULL || end[1 + strspn(end + 1, " \t\r\n")] == '\0') {
        return;
    }
    char now[STEERING_BYTES];
    if (!read_file(path, now) || strcmp(now, behaviour->text) != 0) {
        return;
    }
    char beside[STEERING_BYTES];
    snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(beside, "we");
    if (file == NULL || fputs(end + 1, file) == EOF || fclose(file) == EOF ||
        rename(beside, path) != 0) {
        perror("stand-in: STAND_IN_EDGETPU_FILE cannot be rewritten");
        abort();
    }
}

void note(const char *format, ...) {
    const char *path = getenv("STAND_IN_EDGETPU_JOURNAL");
    if (path == NULL) {
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char line[1024];
    int length = snprintf(line, sizeof line, "%lld %ld ",
                          now.tv_sec * 1000000000LL + now.tv_nsec, (long)getpid());
    va_list arguments;
    va_start(arguments, format);
    const int more = vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    length += more;
    if (length > (int)sizeof line - 2) {
        length = (int)sizeof line - 2;
    }
    line[length++] = '\n';
    /* One write to a file opened for appending: lines of several processes do not mix. */
    const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0 || write(file, line, (size_t)length) != length || close(file) != 0) {
        perror("stand-in: STAND_IN_EDGETPU_JOURNAL cannot be written");
        abort();
    }
}
