/* A stand-in for libedgetpu.so.1, for tests on machines without a Coral Edge TPU.
 *
 * It is a real external delegate of TensorFlow Lite, not a fake of one: LiteRT and tflite-runtime
 * load it with `load_delegate`, it claims a node of each graph, and the runtime calls it at each
 * inference. The node that it claims is a RESHAPE, which is a copy: so it takes part in ordinary
 * CPU models, and their answers stay the same to the bit. All else is computed by the CPU.
 *
 * What it proves: that a program loads such a library as it must be loaded, passes the options that
 * Google's takes, and survives whatever this kind of library does to a process, at a moment that
 * the test chooses: no device, a slow open, a crash when the model is loaded, a slow answer, an
 * error, a stall forever, an abort in the middle of a run, and a device that comes back.
 *
 * What it does not prove: anything about Google's library itself, USB or PCIe, or the speed and
 * accuracy of an Edge TPU. It cannot run `edgetpu-custom-op`, the operation of compiled models, and
 * leaves it alone: such a model fails to load, as without any library. Google's library also aborts
 * between two inferences, from a thread of its own, when the device goes; here that happens only
 * within one (a test can kill the process at any time instead). A device number (usb:1) is taken
 * whatever it is, and a graph without a RESHAPE is an error, where Google's library would leave it
 * to the CPU: a test with such a graph would prove nothing.
 *
 * How to steer it: steering.h.
 */

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "steering.h"
#include "tflite_abi.h"

#define EXPORTED __attribute__((visibility("default")))

/* One loaded delegate. Its first member is what the runtime sees. */
typedef struct {
    Delegate delegate;
    unsigned long inferences;
} EdgeTpu;

/* The node that was claimed of one graph: which tensor it copies to which. */
typedef struct {
    EdgeTpu *edgetpu;
    int source;
    int target;
} Kernel;

static void sleep_ms(unsigned long ms) {
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L};
    while (nanosleep(&left, &left) != 0) {
    }
}

/* Die of what a test asked for, without a core file of the whole interpreter. */
static void prepare_to_die(void) {
    prctl(PR_SET_DUMPABLE, 0);
}

/* Say that the steering cannot be understood; returns false when it can. */
static bool complained(Context *context, const Behaviour *behaviour) {
    if (behaviour->complaint[0] == '\0') {
        return false;
    }
    context->ReportError(context, "%s", behaviour->complaint);
    return true;
}

/* --- the claimed node ------------------------------------------------------------------------- */

static void *kernel_init(Context *context, const char *buffer, size_t length) {
    (void)length;
    const DelegateParams *params = (const DelegateParams *)(const void *)buffer;
    const int claimed = params->nodes_to_replace->data[0];
    Node *node = NULL;
    Registration *registration = NULL;
    Kernel *kernel = malloc(sizeof *kernel);
    if (kernel == NULL ||
        context->GetNodeAndRegistration(context, claimed, &node, &registration) != STATUS_OK) {
        free(kernel);
        return NULL;
    }
    /* params->input_tensors is sorted, with the constant shape among them: ask the node itself. */
    *kernel = (Kernel){.edgetpu = (EdgeTpu *)params->delegate->data,
                       .source = node->inputs->data[0],
                       .target = node->outputs->data[0]};
    return kernel;
}

static void kernel_free(Context *context, void *buffer) {
    (void)context;
    free(buffer);
}

static int kernel_prepare(Context *context, Node *node) {
    const Kernel *kernel = node->user_data;
    if (kernel == NULL ||
        context->tensors[kernel->source].bytes != context->tensors[kernel->target].bytes) {
        context->ReportError(context, "stand-in: only graphs of fixed shapes are supported");
        return STATUS_ERROR;
    }
    return STATUS_OK;
}

static int kernel_invoke(Context *context, Node *node) {
    const Kernel *kernel = node->user_data;
    const unsigned long number = ++kernel->edgetpu->inferences;
    Behaviour behaviour;
    read_behaviour(&behaviour);
    if (complained(context, &behaviour)) {
        note("fail %lu", number);
        return STATUS_ERROR;
    }
    if (behaviour.stall != 0 && number >= behaviour.stall) {
        strike_line(&behaviour);
        note("stall %lu", number);
        for (;;) {
            pause();
        }
    }
    if (behaviour.abort != 0 && number >= behaviour.abort) {
        strike_line(&behaviour);
        note("abort %lu", number);
        /* Word for word what libedgetpu 16 writes when its device is unplugged. */
        fputs("F driver/usb/usb_driver.cc:1148] HandleQueuedBulkIn transfer in failed. "
              "Not found: USB transfer error 5 [LibUsbDataInCallback]\n",
              stderr);
        prepare_to_die();
        abort();
    }
    if (behaviour.fail != 0 && number >= behaviour.fail) {
        strike_line(&behaviour);
        note("fail %lu", number);
        context->ReportError(context, "stand-in: told to fail at inference %d", (int)number);
        return STATUS_ERROR;
    }
    const Tensor *source = &context->tensors[kernel->source];
    const Tensor *target = &context->tensors[kernel->target];
    memmove(target->data, source->data, source->bytes);
    sleep_ms(behaviour.slow_ms);
    note("answer %lu", number);
    return STATUS_OK;
}

/* --- the delegate ----------------------------------------------------------------------------- */

/* Whether a node is a reshape of something computed, of known size: one that is just a copy. */
static bool is_copy(const Context *context, const Node *node, const Registration *registration) {
    if (registration->builtin_code != OPERATOR_RESHAPE || node->inputs->size < 1 ||
        node->outputs->size != 1) {
        return false;
    }
    const Tensor *source = &context->tensors[node->inputs->data[0]];
    const Tensor *target = &context->tensors[node->outputs->data[0]];
    return source->allocation_type != ALLOCATION_READ_ONLY && source->bytes > 0 &&
           source->bytes == target->bytes && source->type == target->type;
}

static int load_graph(Context *context, Delegate *delegate) {
    Behaviour behaviour;
    read_behaviour(&behaviour);
    if (complained(context, &behaviour)) {
        return STATUS_ERROR;
    }
    if (behaviour.crash) {
        strike_line(&behaviour);
        note("crash");
        prepare_to_die();
        int *volatile nowhere = NULL;
        *nowhere = 1;
    }
    IntArray *plan = NULL;
    if (context->GetExecutionPlan(context, &plan) != STATUS_OK) {
        return STATUS_ERROR;
    }
    const int size = plan->size;
    /* The last one: XNNPACK, which the runtime applies next, gets all before it in one piece. */
    int claimed = -1;
    for (int i = 0; i < size; ++i) {
        Node *node = NULL;
        Registration *registration = NULL;
        const int node_index = plan->data[i];
        if (context->GetNodeAndRegistration(context, node_index, &node, &registration) !=
            STATUS_OK) {
            return STATUS_ERROR;
        }
        if (is_copy(context, node, registration)) {
            claimed = node_index;
        }
    }
    if (claimed < 0) {
        context->ReportError(context, "stand-in: this graph has no RESHAPE that it could claim");
        return STATUS_ERROR;
    }
    struct {
        int size;
        int data[1];
    } nodes = {.size = 1, .data = {claimed}}; /* laid out like an IntArray of one */
    const Registration registration = {
        .init = kernel_init,
        .free = kernel_free,
        .prepare = kernel_prepare,
        .invoke = kernel_invoke,
        .custom_name = "StandInEdgeTpu",
        .version = 1,
    };
    note("load %d %d", claimed, size);
    return context->ReplaceNodeSubsetsWithDelegateKernels(
        context, registration, (const IntArray *)(const void *)&nodes, delegate);
}

/* Whether Google's library takes this value: "", "usb", "pci", and these with ":" and a number. */
static bool is_device(const char *value) {
    if (strncmp(value, "usb", 3) == 0 || strncmp(value, "pci", 3) == 0) {
        value += 3;
    }
    if (*value == '\0') {
        return true;
    }
    const char *digits = value + 1;
    return *value == ':' && *digits != '\0' && strspn(digits, "0123456789") == strlen(digits);
}

EXPORTED Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                                 void (*report_error)(const char *)) {
    /* As Google's: options of other names are ignored, and an unknown device is no device. */
    char options[512] = "";
    bool known_device = true;
    for (size_t i = 0; i < count; ++i) {
        const size_t used = strlen(options);
        snprintf(options + used, sizeof options - used, " %s=%s", keys[i], values[i]);
        if (strcmp(keys[i], "device") == 0) {
            known_device = is_device(values[i]);
        }
    }
    note("create%s", options);
    Behaviour behaviour;
    read_behaviour(&behaviour);
    sleep_ms(behaviour.create_ms);
    if (behaviour.complaint[0] != '\0' && report_error != NULL) {
        report_error(behaviour.complaint);
    }
    const bool refused = behaviour.refuse || !known_device || behaviour.complaint[0] != '\0';
    EdgeTpu *edgetpu = refused ? NULL : calloc(1, sizeof *edgetpu);
    if (edgetpu == NULL) {
        if (behaviour.refuse) {
            strike_line(&behaviour);
        }
        note("refuse");
        return NULL;
    }
    edgetpu->delegate.data = edgetpu;
    edgetpu->delegate.Prepare = load_graph;
    edgetpu->delegate.flags = DELEGATE_ALLOWS_DYNAMIC_TENSORS; /* as Google's */
    note("accept");
    return &edgetpu->delegate;
}

EXPORTED void tflite_plugin_destroy_delegate(Delegate *delegate) {
    if (delegate != NULL) {
        EdgeTpu *edgetpu = (EdgeTpu *)delegate->data;
        note("destroy %lu", edgetpu->inferences);
        free(edgetpu);
    }
}

EXPORTED const char *edgetpu_version(void) {
    return "BuildLabel(stand-in), RuntimeVersion(14)";
}
