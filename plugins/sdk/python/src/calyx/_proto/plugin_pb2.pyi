from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeRequest(_message.Message):
    __slots__ = ("identity",)
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    identity: bool
    def __init__(self, identity: bool = ...) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("name", "version", "sources", "functions", "stored", "reads", "parts", "queues")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    READS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    sources: _containers.RepeatedScalarFieldContainer[bytes]
    functions: _containers.RepeatedCompositeFieldContainer[Function]
    stored: _containers.RepeatedCompositeFieldContainer[Stored]
    reads: _containers.RepeatedCompositeFieldContainer[Request]
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    queues: bool
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., sources: _Optional[_Iterable[bytes]] = ..., functions: _Optional[_Iterable[_Union[Function, _Mapping]]] = ..., stored: _Optional[_Iterable[_Union[Stored, _Mapping]]] = ..., reads: _Optional[_Iterable[_Union[Request, _Mapping]]] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., queues: bool = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("name", "path", "line", "code", "source")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    path: bytes
    line: int
    code: str
    source: str
    def __init__(self, name: _Optional[str] = ..., path: _Optional[bytes] = ..., line: _Optional[int] = ..., code: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...

class Function(_message.Message):
    __slots__ = ("name", "parameters", "code", "doc", "batch", "overlap", "returns", "options", "parts", "notes")
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Literal
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Literal, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    RETURNS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    code: str
    doc: str
    batch: int
    overlap: bool
    returns: str
    options: _containers.MessageMap[str, Literal]
    parts: _containers.RepeatedScalarFieldContainer[int]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., code: _Optional[str] = ..., doc: _Optional[str] = ..., batch: _Optional[int] = ..., overlap: bool = ..., returns: _Optional[str] = ..., options: _Optional[_Mapping[str, Literal]] = ..., parts: _Optional[_Iterable[int]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class Parameter(_message.Message):
    __slots__ = ("name", "type", "default", "doc")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    default: Literal
    doc: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., default: _Optional[_Union[Literal, _Mapping]] = ..., doc: _Optional[str] = ...) -> None: ...

class Stored(_message.Message):
    __slots__ = ("name", "type", "doc", "value", "path", "glob", "env", "default")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DOC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    GLOB_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    doc: str
    value: Literal
    path: bytes
    glob: bytes
    env: str
    default: Literal
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., doc: _Optional[str] = ..., value: _Optional[_Union[Literal, _Mapping]] = ..., path: _Optional[bytes] = ..., glob: _Optional[bytes] = ..., env: _Optional[str] = ..., default: _Optional[_Union[Literal, _Mapping]] = ...) -> None: ...

class Literal(_message.Message):
    __slots__ = ("none", "boolean", "integer", "big_integer", "number", "text", "data", "list", "map")
    NONE_FIELD_NUMBER: _ClassVar[int]
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    BIG_INTEGER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    MAP_FIELD_NUMBER: _ClassVar[int]
    none: bool
    boolean: bool
    integer: int
    big_integer: str
    number: float
    text: str
    data: bytes
    list: LiteralList
    map: LiteralMap
    def __init__(self, none: bool = ..., boolean: bool = ..., integer: _Optional[int] = ..., big_integer: _Optional[str] = ..., number: _Optional[float] = ..., text: _Optional[str] = ..., data: _Optional[bytes] = ..., list: _Optional[_Union[LiteralList, _Mapping]] = ..., map: _Optional[_Union[LiteralMap, _Mapping]] = ...) -> None: ...

class LiteralList(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Literal]
    def __init__(self, items: _Optional[_Iterable[_Union[Literal, _Mapping]]] = ...) -> None: ...

class LiteralMap(_message.Message):
    __slots__ = ("entries",)
    class Entry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Literal
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Literal, _Mapping]] = ...) -> None: ...
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[LiteralMap.Entry]
    def __init__(self, entries: _Optional[_Iterable[_Union[LiteralMap.Entry, _Mapping]]] = ...) -> None: ...

class SessionRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[HostItem]
    def __init__(self, items: _Optional[_Iterable[_Union[HostItem, _Mapping]]] = ...) -> None: ...

class HostItem(_message.Message):
    __slots__ = ("call", "start", "answers", "cancel")
    CALL_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    call: int
    start: Start
    answers: Answers
    cancel: Cancel
    def __init__(self, call: _Optional[int] = ..., start: _Optional[_Union[Start, _Mapping]] = ..., answers: _Optional[_Union[Answers, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ...) -> None: ...

class Start(_message.Message):
    __slots__ = ("function", "arguments", "scratch", "out_dir", "workspace", "node", "instance", "deadline", "batch", "gradient_flow")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    SCRATCH_FIELD_NUMBER: _ClassVar[int]
    OUT_DIR_FIELD_NUMBER: _ClassVar[int]
    WORKSPACE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FLOW_FIELD_NUMBER: _ClassVar[int]
    function: str
    arguments: _containers.RepeatedCompositeFieldContainer[Argument]
    scratch: bytes
    out_dir: bytes
    workspace: bytes
    node: str
    instance: str
    deadline: _duration_pb2.Duration
    batch: int
    gradient_flow: bool
    def __init__(self, function: _Optional[str] = ..., arguments: _Optional[_Iterable[_Union[Argument, _Mapping]]] = ..., scratch: _Optional[bytes] = ..., out_dir: _Optional[bytes] = ..., workspace: _Optional[bytes] = ..., node: _Optional[str] = ..., instance: _Optional[str] = ..., deadline: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., batch: _Optional[int] = ..., gradient_flow: bool = ...) -> None: ...

class Argument(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: Value
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ("media_type", "inline", "path", "list", "executable", "digest")
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    INLINE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    EXECUTABLE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    media_type: str
    inline: bytes
    path: bytes
    list: ValueList
    executable: bool
    digest: bytes
    def __init__(self, media_type: _Optional[str] = ..., inline: _Optional[bytes] = ..., path: _Optional[bytes] = ..., list: _Optional[_Union[ValueList, _Mapping]] = ..., executable: bool = ..., digest: _Optional[bytes] = ...) -> None: ...

class ValueList(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, items: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class Answers(_message.Message):
    __slots__ = ("need", "answers", "more")
    NEED_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    need: int
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    more: bool
    def __init__(self, need: _Optional[int] = ..., answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ..., more: bool = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("value", "absent", "error")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    value: Value
    absent: bool
    error: str
    def __init__(self, value: _Optional[_Union[Value, _Mapping]] = ..., absent: bool = ..., error: _Optional[str] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class SessionResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[PluginItem]
    def __init__(self, items: _Optional[_Iterable[_Union[PluginItem, _Mapping]]] = ...) -> None: ...

class PluginItem(_message.Message):
    __slots__ = ("call", "need", "log", "progress", "metric", "gradient_flow", "result", "failure", "observed")
    CALL_FIELD_NUMBER: _ClassVar[int]
    NEED_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FLOW_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    call: int
    need: Need
    log: Log
    progress: Progress
    metric: Metric
    gradient_flow: GradientFlow
    result: Result
    failure: Failure
    observed: Observed
    def __init__(self, call: _Optional[int] = ..., need: _Optional[_Union[Need, _Mapping]] = ..., log: _Optional[_Union[Log, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., metric: _Optional[_Union[Metric, _Mapping]] = ..., gradient_flow: _Optional[_Union[GradientFlow, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., observed: _Optional[_Union[Observed, _Mapping]] = ...) -> None: ...

class Need(_message.Message):
    __slots__ = ("id", "seen", "requests", "more")
    ID_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    id: int
    seen: int
    requests: _containers.RepeatedCompositeFieldContainer[Request]
    more: bool
    def __init__(self, id: _Optional[int] = ..., seen: _Optional[int] = ..., requests: _Optional[_Iterable[_Union[Request, _Mapping]]] = ..., more: bool = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("node", "file", "listing", "glob", "env", "exists", "parameter", "instance", "view")
    NODE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    LISTING_FIELD_NUMBER: _ClassVar[int]
    GLOB_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    node: NodeRequest
    file: bytes
    listing: bytes
    glob: bytes
    env: str
    exists: bytes
    parameter: str
    instance: bool
    view: View
    def __init__(self, node: _Optional[_Union[NodeRequest, _Mapping]] = ..., file: _Optional[bytes] = ..., listing: _Optional[bytes] = ..., glob: _Optional[bytes] = ..., env: _Optional[str] = ..., exists: _Optional[bytes] = ..., parameter: _Optional[str] = ..., instance: bool = ..., view: _Optional[_Union[View, _Mapping]] = ...) -> None: ...

class NodeRequest(_message.Message):
    __slots__ = ("name", "arguments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    arguments: _containers.RepeatedCompositeFieldContainer[NamedLiteral]
    def __init__(self, name: _Optional[str] = ..., arguments: _Optional[_Iterable[_Union[NamedLiteral, _Mapping]]] = ...) -> None: ...

class NamedLiteral(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: Literal
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[Literal, _Mapping]] = ...) -> None: ...

class View(_message.Message):
    __slots__ = ("kind", "name", "index")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[View.Kind]
        KIND_BYTES: _ClassVar[View.Kind]
        KIND_LENGTH: _ClassVar[View.Kind]
        KIND_KEYS: _ClassVar[View.Kind]
        KIND_SHAPE: _ClassVar[View.Kind]
        KIND_EXISTS: _ClassVar[View.Kind]
        KIND_FILE: _ClassVar[View.Kind]
        KIND_ELEMENT: _ClassVar[View.Kind]
        KIND_ENTRY: _ClassVar[View.Kind]
    KIND_UNSPECIFIED: View.Kind
    KIND_BYTES: View.Kind
    KIND_LENGTH: View.Kind
    KIND_KEYS: View.Kind
    KIND_SHAPE: View.Kind
    KIND_EXISTS: View.Kind
    KIND_FILE: View.Kind
    KIND_ELEMENT: View.Kind
    KIND_ENTRY: View.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    kind: View.Kind
    name: bytes
    index: int
    def __init__(self, kind: _Optional[_Union[View.Kind, str]] = ..., name: _Optional[bytes] = ..., index: _Optional[int] = ...) -> None: ...

class Log(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: bytes
    def __init__(self, text: _Optional[bytes] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("done", "total", "unit")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    done: float
    total: float
    unit: str
    def __init__(self, done: _Optional[float] = ..., total: _Optional[float] = ..., unit: _Optional[str] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ("name", "value", "unit")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    unit: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ...) -> None: ...

class GradientFlow(_message.Message):
    __slots__ = ("flows",)
    class Flow(_message.Message):
        __slots__ = ("argument", "asked", "input", "output")
        ARGUMENT_FIELD_NUMBER: _ClassVar[int]
        ASKED_FIELD_NUMBER: _ClassVar[int]
        INPUT_FIELD_NUMBER: _ClassVar[int]
        OUTPUT_FIELD_NUMBER: _ClassVar[int]
        argument: str
        asked: GradientFlow.Asked
        input: str
        output: str
        def __init__(self, argument: _Optional[str] = ..., asked: _Optional[_Union[GradientFlow.Asked, _Mapping]] = ..., input: _Optional[str] = ..., output: _Optional[str] = ...) -> None: ...
    class Asked(_message.Message):
        __slots__ = ("need", "request")
        NEED_FIELD_NUMBER: _ClassVar[int]
        REQUEST_FIELD_NUMBER: _ClassVar[int]
        need: int
        request: int
        def __init__(self, need: _Optional[int] = ..., request: _Optional[int] = ...) -> None: ...
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[GradientFlow.Flow]
    def __init__(self, flows: _Optional[_Iterable[_Union[GradientFlow.Flow, _Mapping]]] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("element", "value")
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    element: int
    value: Value
    def __init__(self, element: _Optional[int] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("message", "details", "retryable", "retry_after", "element", "unmet")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    UNMET_FIELD_NUMBER: _ClassVar[int]
    message: str
    details: str
    retryable: bool
    retry_after: _duration_pb2.Duration
    element: int
    unmet: bool
    def __init__(self, message: _Optional[str] = ..., details: _Optional[str] = ..., retryable: bool = ..., retry_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., element: _Optional[int] = ..., unmet: bool = ...) -> None: ...

class Observed(_message.Message):
    __slots__ = ("reads", "stood")
    READS_FIELD_NUMBER: _ClassVar[int]
    STOOD_FIELD_NUMBER: _ClassVar[int]
    reads: _containers.RepeatedCompositeFieldContainer[Request]
    stood: _containers.RepeatedCompositeFieldContainer[Stood]
    def __init__(self, reads: _Optional[_Iterable[_Union[Request, _Mapping]]] = ..., stood: _Optional[_Iterable[_Union[Stood, _Mapping]]] = ...) -> None: ...

class Stood(_message.Message):
    __slots__ = ("absent", "inode", "size", "mtime", "ctime")
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    INODE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MTIME_FIELD_NUMBER: _ClassVar[int]
    CTIME_FIELD_NUMBER: _ClassVar[int]
    absent: bool
    inode: int
    size: int
    mtime: int
    ctime: int
    def __init__(self, absent: bool = ..., inode: _Optional[int] = ..., size: _Optional[int] = ..., mtime: _Optional[int] = ..., ctime: _Optional[int] = ...) -> None: ...

class LoadRequest(_message.Message):
    __slots__ = ("instance",)
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    instance: str
    def __init__(self, instance: _Optional[str] = ...) -> None: ...

class LoadResponse(_message.Message):
    __slots__ = ("values", "revision")
    VALUES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[NamedLiteral]
    revision: str
    def __init__(self, values: _Optional[_Iterable[_Union[NamedLiteral, _Mapping]]] = ..., revision: _Optional[str] = ...) -> None: ...

class SaveRequest(_message.Message):
    __slots__ = ("instance", "values", "revision")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    instance: str
    values: _containers.RepeatedCompositeFieldContainer[NamedLiteral]
    revision: str
    def __init__(self, instance: _Optional[str] = ..., values: _Optional[_Iterable[_Union[NamedLiteral, _Mapping]]] = ..., revision: _Optional[str] = ...) -> None: ...

class SaveResponse(_message.Message):
    __slots__ = ("revision",)
    REVISION_FIELD_NUMBER: _ClassVar[int]
    revision: str
    def __init__(self, revision: _Optional[str] = ...) -> None: ...

class DeleteRequest(_message.Message):
    __slots__ = ("instance",)
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    instance: str
    def __init__(self, instance: _Optional[str] = ...) -> None: ...

class DeleteResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExistsRequest(_message.Message):
    __slots__ = ("instance",)
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    instance: str
    def __init__(self, instance: _Optional[str] = ...) -> None: ...

class ExistsResponse(_message.Message):
    __slots__ = ("exists",)
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    exists: bool
    def __init__(self, exists: bool = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, instances: _Optional[_Iterable[str]] = ...) -> None: ...
