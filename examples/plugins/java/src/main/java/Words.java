import calyx.plugin.v1.PluginGrpc;
import calyx.plugin.v1.PluginOuterClass.*;
import com.google.gson.Gson;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import plugin.Controller.Empty;
import plugin.GRPCControllerGrpc;

/** A calyx plugin without an SDK: the handshake, the services, the session, and a function that counts words. */
public class Words extends PluginGrpc.PluginImplBase {
  /** Counts the words of a file, for which it asks calyx. */
  static Value count(Call call) throws Exception {
    if (call.start.getArgumentsCount() != 1) throw new IOException("count takes a path");
    ByteString path = ByteString.copyFromUtf8(text(call.start.getArguments(0).getValue()));
    Value file = call.need(List.of(Request.newBuilder().setFile(path).build())).get(0);
    if (file == null) throw new IOException("there is no such file");
    Map<String, Integer> counts = new TreeMap<>();
    for (String word : text(file).toLowerCase().strip().split("\\s+")) counts.merge(word, 1, Integer::sum);
    return call.value("application/json", new Gson().toJson(counts).getBytes(StandardCharsets.UTF_8));
  }

  /** The bytes of a value, wherever they are. */
  static byte[] bytes(Value v) throws IOException {
    return v.hasPath() ? Files.readAllBytes(Path.of(v.getPath().toStringUtf8())) : v.getInline().toByteArray();
  }

  /** The text of a value: as it is, or a JSON string. */
  static String text(Value v) throws IOException {
    String text = new String(bytes(v), StandardCharsets.UTF_8);
    return v.getMediaType().equals("application/json") ? JsonParser.parseString(text).getAsString() : text;
  }

  /** A call, with the thread that its function runs in. */
  static class Call implements Runnable {
    final long id;
    final Start start;
    private final Session session;
    private final BlockingQueue<Answers> answers = new LinkedBlockingQueue<>();
    private final Thread thread = new Thread(null, this, "call", 256 << 10); // a thousand of them may wait
    private int needs;

    Call(long id, Start start, Session session) {
      this.id = id;
      this.start = start;
      this.session = session;
      thread.setDaemon(true);
    }

    @Override
    public void run() {
      PluginItem.Builder end = PluginItem.newBuilder();
      try {
        boolean counts = start.getFunction().equals("count");
        end.setResult(Result.newBuilder().setValue(counts ? count(this) : Conformance.run(this)));
      } catch (Conformance.Retry e) {
        end.setFailure(Failure.newBuilder().setMessage("try again").setRetryable(true).setRetryAfter(e.after));
      } catch (Exception e) {
        end.setFailure(Failure.newBuilder().setMessage(e.getMessage() == null ? e.toString() : e.getMessage()));
      }
      session.end(this, end);
    }

    void say(PluginItem.Builder item) {
      session.say(this, item);
    }

    /** Asks for things, all at once, and waits; what is absent is null. One need follows another: so many were answered before. */
    List<Value> need(List<Request> requests) throws Exception {
      say(PluginItem.newBuilder().setNeed(Need.newBuilder().setId(needs).setSeen(needs).addAllRequests(requests)));
      needs++;
      List<Value> values = new ArrayList<>();
      for (boolean more = true; more; ) {
        Answers piece = answers.take();
        more = piece.getMore();
        for (Answer answer : piece.getAnswersList()) {
          if (answer.hasError()) throw new IOException(answer.getError());
          values.add(answer.hasValue() ? answer.getValue() : null);
        }
      }
      return values;
    }

    /** A result: inline where it is small, else a file. */
    Value value(String mediaType, byte[] content) throws IOException {
      Value.Builder value = Value.newBuilder().setMediaType(mediaType);
      if (content.length <= 64 << 10) return value.setInline(ByteString.copyFrom(content)).build();
      Path folder = Files.createDirectories(Path.of(start.getScratch().toStringUtf8()));
      Path file = Files.write(folder.resolve("result"), content);
      return value.setPath(ByteString.copyFromUtf8(file.toString())).build();
    }
  }

  /** The stream on which all calls talk. */
  record Session(StreamObserver<SessionResponse> host, Map<Long, Call> calls) implements StreamObserver<SessionRequest> {
    /** A call that has ended, because it was cancelled, says nothing more. */
    synchronized void say(Call call, PluginItem.Builder item) {
      if (!calls.containsKey(call.id)) return;
      host.onNext(SessionResponse.newBuilder().addItems(item.setCall(call.id)).build());
    }

    synchronized void end(Call call, PluginItem.Builder how) {
      say(call, how);
      calls.remove(call.id);
    }

    @Override
    public void onNext(SessionRequest message) {
      for (HostItem item : message.getItemsList()) {
        Call call = calls.get(item.getCall());
        if (item.hasStart()) {
          call = new Call(item.getCall(), item.getStart(), this);
          calls.put(call.id, call);
          call.thread.start();
        } else if (call != null && item.hasAnswers()) {
          call.answers.add(item.getAnswers());
        } else if (call != null && item.hasCancel()) {
          end(call, PluginItem.newBuilder().setFailure(Failure.newBuilder().setMessage("cancelled: " + item.getCancel().getReason())));
          call.thread.interrupt();
        }
      }
    }

    @Override
    public void onError(Throwable lost) {
      Runtime.getRuntime().halt(0);
    }

    @Override
    public void onCompleted() {
      Runtime.getRuntime().halt(0);
    }
  }

  private final AtomicBoolean open = new AtomicBoolean();

  @Override
  public void describe(DescribeRequest request, StreamObserver<DescribeResponse> to) {
    Parameter path = Parameter.newBuilder().setName("path").setType("string").build();
    Function count = Function.newBuilder().setName("count").addParameters(path).setOverlap(true).build(); // each call is a thread
    to.onNext(DescribeResponse.newBuilder().setName("words").addFunctions(count).addAllFunctions(Conformance.functions()).build());
    to.onCompleted();
  }

  @Override
  public StreamObserver<SessionRequest> session(StreamObserver<SessionResponse> host) {
    if (open.compareAndSet(false, true)) return new Session(host, new ConcurrentHashMap<>());
    host.onError(Status.ALREADY_EXISTS.withDescription("this process has a session").asException());
    return new StreamObserver<>() {
      public void onNext(SessionRequest ignored) {}

      public void onError(Throwable ignored) {}

      public void onCompleted() {}
    };
  }

  public static void main(String[] args) throws Exception {
    if (!"9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69".equals(System.getenv("CALYX_PLUGIN_COOKIE"))) {
      System.err.println("words: this program is a plugin for calyx: name it in a Calyxfile, plugin(cmd = [...])");
      System.exit(1);
    }
    String path = System.getenv("PLUGIN_UNIX_SOCKET_DIR") + "/" + ProcessHandle.current().pid() + ".sock";
    var health = new HealthStatusManager();
    health.setStatus("plugin", io.grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING);
    var controller = new GRPCControllerGrpc.GRPCControllerImplBase() {
      @Override
      public void shutdown(Empty request, StreamObserver<Empty> to) {
        Runtime.getRuntime().halt(0); // nobody needs the answer
      }
    };
    var server = NettyServerBuilder.forAddress(new DomainSocketAddress(path)).channelType(EpollServerDomainSocketChannel.class);
    server.bossEventLoopGroup(new EpollEventLoopGroup(1)).workerEventLoopGroup(new EpollEventLoopGroup(1));
    server.addService(new Words()).addService(health.getHealthService()).addService(controller).build().start();
    System.out.println("1|1|unix|" + path + "|grpc|");
    Thread.currentThread().join(); // for ever
  }
}
