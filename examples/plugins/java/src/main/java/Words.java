import calyx.plugin.v1.PluginGrpc;
import calyx.plugin.v1.PluginOuterClass.*;
import com.google.protobuf.ByteString;
import grpc.health.v1.HealthOuterClass.HealthCheckRequest;
import grpc.health.v1.HealthOuterClass.HealthCheckResponse;
import grpc.health.v1.HealthGrpc;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import plugin.Controller.Empty;
import plugin.GRPCControllerGrpc;

/** A calyx plugin without an SDK: the handshake, the services, the session. Its functions are in Functions.java. */
public class Words extends PluginGrpc.PluginImplBase {
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
        end.setResult(Result.newBuilder().setValue(Functions.run(this)));
      } catch (Functions.Retry e) {
        end.setFailure(Failure.newBuilder().setMessage("try again").setRetryable(true).setRetryAfter(e.after));
      } catch (Exception e) {
        end.setFailure(Failure.newBuilder().setMessage(e.getMessage() == null ? e.toString() : e.getMessage()));
      }
      session.end(this, end);
    }

    void say(PluginItem.Builder item) {
      session.say(this, item);
    }

    /**
     * Asks for things, all at once, and waits; what is absent is null. A call has one need at a time, so the number of those
     * before is how many it has seen.
     */
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
  static class Session implements StreamObserver<SessionRequest> {
    private final StreamObserver<SessionResponse> host;
    private final Map<Long, Call> calls = new ConcurrentHashMap<>();

    Session(StreamObserver<SessionResponse> host) {
      this.host = host;
    }

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
    to.onNext(Functions.describe());
    to.onCompleted();
  }

  @Override
  public StreamObserver<SessionRequest> session(StreamObserver<SessionResponse> host) {
    if (open.compareAndSet(false, true)) return new Session(host);
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
    var health = new HealthGrpc.HealthImplBase() {
      @Override
      public void check(HealthCheckRequest request, StreamObserver<HealthCheckResponse> to) {
        to.onNext(HealthCheckResponse.newBuilder().setStatus(HealthCheckResponse.ServingStatus.SERVING).build());
        to.onCompleted();
      }
    };
    var controller = new GRPCControllerGrpc.GRPCControllerImplBase() {
      @Override
      public void shutdown(Empty request, StreamObserver<Empty> to) {
        Runtime.getRuntime().halt(0); // nobody needs the answer
      }
    };
    var server = NettyServerBuilder.forAddress(new DomainSocketAddress(path)).channelType(EpollServerDomainSocketChannel.class);
    server.bossEventLoopGroup(new EpollEventLoopGroup(1)).workerEventLoopGroup(new EpollEventLoopGroup(1));
    server.addService(new Words()).addService(health).addService(controller).build().start();
    System.out.println("1|1|unix|" + path + "|grpc|");
    Thread.currentThread().join(); // for ever
  }
}
