import calyx.plugin.v1.PluginOuterClass.*;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Duration;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The conformance functions of docs/plugin-protocol.md. Nothing but `calyx plugin check` calls them: a plugin of yours has none. */
class Conformance {
  private static final Map<String, List<Parameter>> FUNCTIONS = new LinkedHashMap<>();

  static {
    FUNCTIONS.put("calyx_check_echo", List.of(parameter("value", "any")));
    FUNCTIONS.put("calyx_check_add", List.of(parameter("a", "int"), parameter("b", "int", 2)));
    FUNCTIONS.put("calyx_check_half", List.of(parameter("number", "int")));
    FUNCTIONS.put("calyx_check_need", List.of(parameter("values", "list"), parameter("at_once", "int", 1)));
    FUNCTIONS.put("calyx_check_env", List.of(parameter("name", "string")));
    FUNCTIONS.put("calyx_check_sleep", List.of(parameter("seconds", "float")));
    FUNCTIONS.put("calyx_check_fail", List.of(parameter("message", "string")));
    FUNCTIONS.put("calyx_check_retry", List.of(parameter("seconds", "float")));
    FUNCTIONS.put("calyx_check_tell", List.of(parameter("text", "string")));
    FUNCTIONS.put("calyx_check_print", List.of(parameter("text", "string")));
  }

  private static Parameter parameter(String name, String type) {
    return Parameter.newBuilder().setName(name).setType(type).build();
  }

  private static Parameter parameter(String name, String type, long byDefault) {
    return parameter(name, type).toBuilder().setDefault(Literal.newBuilder().setInteger(byDefault)).build();
  }

  static List<Function> functions() {
    var functions = new ArrayList<Function>();
    FUNCTIONS.forEach((name, p) -> functions.add(Function.newBuilder().setName(name).addAllParameters(p).setOverlap(true).build()));
    return functions;
  }

  /** A failure that another attempt may not meet. */
  static class Retry extends Exception {
    final Duration after;

    Retry(double seconds) {
      after = Duration.newBuilder().setSeconds((long) seconds).setNanos((int) (seconds % 1 * 1e9)).build();
    }
  }

  static Value run(Words.Call call) throws Exception {
    Map<String, Value> args = bind(call.start);
    switch (call.start.getFunction()) {
      case "calyx_check_echo" -> {
        return call.value(args.get("value").getMediaType(), Words.bytes(args.get("value")));
      }
      case "calyx_check_add" -> {
        return json(call, new JsonPrimitive(Math.addExact(integer(args, "a"), integer(args, "b"))));
      }
      case "calyx_check_half" -> {
        return json(call, new JsonPrimitive(integer(args, "number") / 2.0));
      }
      case "calyx_check_need" -> {
        List<JsonElement> values = plain(args.get("values")).getAsJsonArray().asList();
        int atOnce = (int) Math.max(1, integer(args, "at_once"));
        JsonArray got = new JsonArray();
        for (int i = 0; i < values.size(); i += atOnce) {
          var some = values.subList(i, Math.min(i + atOnce, values.size()));
          for (Value v : call.need(some.stream().map(Conformance::echo).toList())) got.add(plain(v));
        }
        return json(call, got);
      }
      case "calyx_check_env" -> {
        Value found = call.need(List.of(Request.newBuilder().setEnv(text(args, "name")).build())).get(0);
        return found == null ? Value.getDefaultInstance() : call.value(found.getMediaType(), Words.bytes(found));
      }
      case "calyx_check_sleep" -> {
        call.say(PluginItem.newBuilder().setProgress(Progress.newBuilder().setTotal(1)));
        Thread.sleep((long) (plain(args.get("seconds")).getAsDouble() * 1000));
      }
      case "calyx_check_fail" -> throw new IOException(text(args, "message"));
      case "calyx_check_retry" -> throw new Retry(plain(args.get("seconds")).getAsDouble());
      case "calyx_check_tell" -> {
        call.say(PluginItem.newBuilder().setLog(Log.newBuilder().setText(com.google.protobuf.ByteString.copyFromUtf8(text(args, "text")))));
        call.say(PluginItem.newBuilder().setProgress(Progress.newBuilder().setDone(1).setTotal(2).setUnit("steps")));
        call.say(PluginItem.newBuilder().setMetric(Metric.newBuilder().setName("calyx_check").setValue(0.5).setUnit("units")));
      }
      case "calyx_check_print" -> {
        System.out.print(text(args, "text"));
        System.out.flush();
      }
    }
    return Value.getDefaultInstance();
  }

  /** The arguments of a call by name, defaults filled in. */
  private static Map<String, Value> bind(Start start) throws IOException {
    List<Parameter> parameters = FUNCTIONS.get(start.getFunction());
    if (parameters == null) throw new IOException("there is no function " + start.getFunction());
    Map<String, Value> args = new TreeMap<>();
    for (Argument a : start.getArgumentsList()) args.put(a.getName(), a.getValue());
    var unknown = new ArrayList<>(args.keySet());
    for (Parameter p : parameters) {
      unknown.remove(p.getName());
      if (args.containsKey(p.getName())) continue;
      if (!p.hasDefault()) throw new IOException(start.getFunction() + " needs the argument " + p.getName());
      var text = com.google.protobuf.ByteString.copyFromUtf8(Long.toString(p.getDefault().getInteger()));
      args.put(p.getName(), Value.newBuilder().setMediaType("application/json").setInline(text).build());
    }
    if (!unknown.isEmpty()) throw new IOException(start.getFunction() + " has no parameter " + unknown.get(0));
    return args;
  }

  private static long integer(Map<String, Value> args, String name) throws IOException {
    JsonElement v = plain(args.get(name));
    if (!v.isJsonPrimitive() || !v.getAsString().matches("-?[0-9]+")) throw new IOException(name + " is no integer");
    return v.getAsLong();
  }

  private static String text(Map<String, Value> args, String name) throws IOException {
    return plain(args.get(name)).getAsString();
  }

  private static Value json(Words.Call call, JsonElement v) throws IOException {
    return call.value("application/json", new Gson().newBuilder().serializeNulls().create().toJson(v).getBytes(StandardCharsets.UTF_8));
  }

  /** A value as JSON; text is a string, and no value is null. */
  private static JsonElement plain(Value v) throws IOException {
    if (v.getMediaType().isEmpty()) return JsonNull.INSTANCE;
    String text = new String(Words.bytes(v), StandardCharsets.UTF_8);
    return v.getMediaType().startsWith("text/") ? new JsonPrimitive(text) : JsonParser.parseString(text);
  }

  /** The node calyx_check_echo(value = …). */
  private static Request echo(JsonElement v) {
    Literal.Builder l = Literal.newBuilder();
    if (v.isJsonNull()) {
      l.setNone(true);
    } else if (v.getAsJsonPrimitive().isBoolean()) {
      l.setBoolean(v.getAsBoolean());
    } else if (v.getAsJsonPrimitive().isString()) {
      l.setText(v.getAsString());
    } else if (v.getAsString().matches("-?[0-9]+")) {
      l.setInteger(v.getAsLong());
    } else {
      l.setNumber(v.getAsDouble());
    }
    NodeRequest.Builder node = NodeRequest.newBuilder().setName("calyx_check_echo");
    return Request.newBuilder().setNode(node.addArguments(NamedLiteral.newBuilder().setName("value").setValue(l))).build();
  }
}
