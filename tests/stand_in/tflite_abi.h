/* As much of TensorFlow Lite's C interface for delegates as the stand-in uses.
 *
 * Declared here because the runtime's packages do not bring their headers. It mirrors
 * `tensorflow/lite/core/c/common.h` of TensorFlow 2.14 (tflite-runtime 2.14) and
 * `tflite/core/c/common.h` of LiteRT 2.1 to 2.3, built for a full system, not for microcontrollers.
 * External delegates are compiled apart from the runtime, so these structures are its binary
 * interface: fields are only ever added at the end (the header keeps the older forms of
 * TfLiteRegistration, each the beginning of the next), and all that stands here is the same in
 * those versions. Two rules make this file independent of later additions:
 *
 * - What the runtime makes and hands over by pointer is declared up to the last field that is used.
 *   Only Tensor is complete, because tensors are an array: its size is what counts.
 * - What the stand-in makes, Delegate and Registration, is complete, with zeros at the end. A
 *   runtime that knows fewer fields reads fewer, also of Registration, which goes by value: the
 *   calling conventions of x86-64 and aarch64 pass a structure of this size in memory.
 *
 * An enum of theirs is an int here: both are 32 bits wide.
 */

#ifndef STAND_IN_TFLITE_ABI_H
#define STAND_IN_TFLITE_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct Registration Registration;

enum { STATUS_OK = 0, STATUS_ERROR = 1 };     /* TfLiteStatus */
enum { OPERATOR_RESHAPE = 22 };               /* tflite::BuiltinOperator, from the schema */
enum { ALLOCATION_READ_ONLY = 1 };            /* kTfLiteMmapRo: a constant of the file */
enum { DELEGATE_ALLOWS_DYNAMIC_TENSORS = 1 }; /* kTfLiteDelegateFlagsAllowDynamicTensors */

typedef struct { /* TfLiteIntArray */
    int size;
    int data[];
} IntArray;

typedef struct { /* TfLiteTensor */
    int type;
    void *data;
    IntArray *dims;
    struct {
        float scale;
        int32_t zero_point;
    } params;
    int allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    Delegate *delegate;
    int buffer_handle;
    bool data_is_stale;
    bool is_variable;
    struct {
        int type;
        void *params;
    } quantization;
    void *sparsity;
    const IntArray *dims_signature;
} Tensor;

typedef struct { /* TfLiteNode, its beginning */
    IntArray *inputs;
    IntArray *outputs;
    IntArray *intermediates;
    IntArray *temporaries;
    void *user_data;
} Node;

struct Registration { /* TfLiteRegistration */
    void *(*init)(Context *context, const char *buffer, size_t length);
    void (*free)(Context *context, void *buffer);
    int (*prepare)(Context *context, Node *node);
    int (*invoke)(Context *context, Node *node);
    const char *(*profiling_string)(const Context *context, const Node *node);
    int32_t builtin_code;
    const char *custom_name;
    int version;
    void *registration_external;
    void *async_kernel;
    uint64_t inplace_operator;
};

struct Context { /* TfLiteContext, its beginning */
    size_t tensors_size;
    int (*GetExecutionPlan)(Context *context, IntArray **plan);
    Tensor *tensors;
    void *impl;
    int (*ResizeTensor)(Context *context, Tensor *tensor, IntArray *size);
    void (*ReportError)(Context *context, const char *format, ...);
    int (*AddTensors)(Context *context, int count, int *first);
    int (*GetNodeAndRegistration)(Context *context, int index, Node **node,
                                  Registration **registration);
    int (*ReplaceNodeSubsetsWithDelegateKernels)(Context *context, Registration registration,
                                                 const IntArray *nodes, Delegate *delegate);
};

typedef struct { /* TfLiteDelegateParams: what a delegate's kernel gets as init's buffer */
    Delegate *delegate;
    IntArray *nodes_to_replace;
    IntArray *input_tensors;
    IntArray *output_tensors;
} DelegateParams;

struct Delegate { /* TfLiteDelegate */
    void *data;
    int (*Prepare)(Context *context, Delegate *delegate);
    int (*CopyFromBufferHandle)(Context *context, Delegate *delegate, int handle, Tensor *tensor);
    int (*CopyToBufferHandle)(Context *context, Delegate *delegate, int handle, Tensor *tensor);
    void (*FreeBufferHandle)(Context *context, Delegate *delegate, int *handle);
    int64_t flags;
    void *opaque_delegate_builder;
};

/* The sizes that the runtime's compiler gives these structures on x86-64 and aarch64. */
_Static_assert(sizeof(void *) == 8 && sizeof(int) == 4, "only 64-bit systems are supported");
_Static_assert(sizeof(Tensor) == 112, "tensors are an array");
_Static_assert(offsetof(Tensor, bytes) == 40, "TfLiteTensor.bytes");
_Static_assert(sizeof(Registration) == 88, "Registration goes by value");
_Static_assert(sizeof(Delegate) == 56, "TfLiteDelegate");

#endif
