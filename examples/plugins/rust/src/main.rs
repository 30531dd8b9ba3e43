//! A calyx plugin without an SDK: the handshake, the services, the session. Its functions are in functions.rs.

mod functions;
mod protocol {
    include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
}

use protocol::calyx::plugin::v1::{self as pb, answer::Answer, host_item, plugin_item::Item, request::Subject, value::Content};
use protocol::{grpc::health::v1 as health, plugin as controller};
use std::sync::{atomic::AtomicBool, atomic::Ordering, Arc, Mutex};
use std::{collections::HashMap, env, fs, process};
use tokio::{sync::mpsc, task::AbortHandle};
use tokio_stream::wrappers::{UnboundedReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming};

type Out = mpsc::UnboundedSender<Result<pb::SessionResponse, Status>>;

/// Calls under way: whoever takes one out of the map says how it ended. A call that waits gets its answers here.
type Calls = Arc<Mutex<HashMap<u64, (mpsc::UnboundedSender<pb::Answers>, Option<AbortHandle>)>>>;

/// Any error is a failure with its text, so that functions may end with `?`.
impl<E: ToString> From<E> for pb::Failure {
    fn from(e: E) -> Self {
        pb::Failure { message: e.to_string(), ..Default::default() }
    }
}

struct Call {
    id: u64,
    start: pb::Start,
    out: Out,
    calls: Calls,
    answers: mpsc::UnboundedReceiver<pb::Answers>,
    needs: u32,
}

fn say(out: &Out, call: u64, item: Item) {
    let items = vec![pb::PluginItem { call, item: Some(item) }];
    let _ = out.send(Ok(pb::SessionResponse { items })); // fails when the session is over, and then so is the process
}

impl Call {
    /// A call that has ended, because it was cancelled, says nothing more.
    fn say(&self, item: Item) {
        if self.calls.lock().unwrap().contains_key(&self.id) {
            say(&self.out, self.id, item);
        }
    }

    /// Asks for things, all at once, and waits; what is absent is None. A call has one need at a time, so the number of
    /// those before is how many it has seen.
    async fn need(&mut self, subjects: Vec<Subject>) -> Result<Vec<Option<pb::Value>>, pb::Failure> {
        let requests = subjects.into_iter().map(|s| pb::Request { subject: Some(s), view: None }).collect();
        self.say(Item::Need(pb::Need { id: self.needs as u64, seen: self.needs, requests, more: false }));
        self.needs += 1;
        let (mut values, mut more) = (Vec::new(), true);
        while more {
            let piece = self.answers.recv().await.ok_or("the session is over")?;
            more = piece.more;
            for answer in piece.answers {
                values.push(match answer.answer {
                    Some(Answer::Error(why)) => return Err(why.into()),
                    Some(Answer::Value(v)) => Some(v),
                    _ => None,
                });
            }
        }
        Ok(values)
    }

    /// A result: inline where it is small, else a file.
    fn value(&self, media_type: &str, bytes: Vec<u8>) -> Result<pb::Value, pb::Failure> {
        let content = if bytes.len() <= 64 << 10 {
            Content::Inline(bytes)
        } else {
            let folder = String::from_utf8(self.start.scratch.clone())?;
            fs::create_dir_all(&folder)?;
            fs::write(format!("{folder}/result"), bytes)?;
            Content::Path(format!("{folder}/result").into())
        };
        Ok(pb::Value { media_type: media_type.into(), content: Some(content), ..Default::default() })
    }
}

/// The bytes of a value, wherever they are.
fn bytes(v: &pb::Value) -> Result<Vec<u8>, pb::Failure> {
    match &v.content {
        Some(Content::Inline(b)) => Ok(b.clone()),
        Some(Content::Path(p)) => Ok(fs::read(std::str::from_utf8(p)?)?),
        _ => Err("a value of bytes is needed".into()),
    }
}

/// Takes one item of the host's.
fn take(item: pb::HostItem, calls: &Calls, out: &Out) {
    let id = item.call;
    let mut open = calls.lock().unwrap();
    match item.item {
        Some(host_item::Item::Start(start)) => {
            let (sender, answers) = mpsc::unbounded_channel();
            let mut call = Call { id, start, out: out.clone(), calls: calls.clone(), answers, needs: 0 };
            let task = tokio::spawn(async move {
                let end = match functions::run(&mut call).await {
                    Ok(v) => Item::Result(pb::Result { element: 0, value: Some(v) }),
                    Err(failure) => Item::Failure(failure),
                };
                if call.calls.lock().unwrap().remove(&id).is_some() {
                    say(&call.out, id, end);
                }
            });
            open.insert(id, (sender, Some(task.abort_handle())));
        }
        Some(host_item::Item::Answers(answers)) => {
            let _ = open.get(&id).map(|call| call.0.send(answers)); // the call may have ended
        }
        Some(host_item::Item::Cancel(cancel)) => {
            if let Some((_, task)) = open.remove(&id) {
                task.inspect(AbortHandle::abort);
                say(out, id, Item::Failure(format!("cancelled: {}", cancel.reason).into()));
            }
        }
        None => {} // an item of a later version
    }
}

#[derive(Default)]
struct Service(AtomicBool); // whether there is a session

#[tonic::async_trait]
impl pb::plugin_server::Plugin for Service {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Result<Response<pb::DescribeResponse>, Status> {
        let mut described = pb::DescribeResponse { name: "words".into(), ..Default::default() };
        for (name, parameters) in functions::FUNCTIONS {
            let parameters = parameters.iter().map(|&(name, kind, default)| {
                let default = default.map(|n| pb::Literal { kind: Some(pb::literal::Kind::Integer(n)) });
                pb::Parameter { name: name.into(), r#type: kind.into(), default, ..Default::default() }
            });
            let (name, parameters) = (name.to_string(), parameters.collect());
            described.functions.push(pb::Function { name, parameters, overlap: true, ..Default::default() });
        }
        Ok(Response::new(described))
    }

    type SessionStream = UnboundedReceiverStream<Result<pb::SessionResponse, Status>>;

    async fn session(&self, request: Request<Streaming<pb::SessionRequest>>) -> Result<Response<Self::SessionStream>, Status> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Err(Status::already_exists("this process has a session"));
        }
        let (out, said) = mpsc::unbounded_channel();
        let mut host = request.into_inner();
        tokio::spawn(async move {
            let calls = Calls::default();
            while let Ok(Some(message)) = host.message().await {
                message.items.into_iter().for_each(|item| take(item, &calls, &out));
            }
            process::exit(0); // the host has no more use for the process, or is gone
        });
        Ok(Response::new(UnboundedReceiverStream::new(said)))
    }
}

#[tonic::async_trait]
impl health::health_server::Health for Service {
    async fn check(&self, _: Request<health::HealthCheckRequest>) -> Result<Response<health::HealthCheckResponse>, Status> {
        let status = health::health_check_response::ServingStatus::Serving.into();
        Ok(Response::new(health::HealthCheckResponse { status }))
    }
}

#[tonic::async_trait]
impl controller::grpc_controller_server::GrpcController for Service {
    async fn shutdown(&self, _: Request<controller::Empty>) -> Result<Response<controller::Empty>, Status> {
        tokio::spawn(async { process::exit(0) }); // nobody needs the answer
        Ok(Response::new(controller::Empty {}))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if env::var("CALYX_PLUGIN_COOKIE").as_deref() != Ok("9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69") {
        eprintln!("words: this program is a plugin for calyx: name it in a Calyxfile, plugin(cmd = [...])");
        process::exit(1);
    }
    let path = format!("{}/{}.sock", env::var("PLUGIN_UNIX_SOCKET_DIR")?, process::id());
    let listener = tokio::net::UnixListener::bind(&path)?;
    println!("1|1|unix|{path}|grpc|");
    let server = tonic::transport::Server::builder().add_service(pb::plugin_server::PluginServer::new(Service::default()));
    let server = server.add_service(health::health_server::HealthServer::new(Service::default()));
    let server = server.add_service(controller::grpc_controller_server::GrpcControllerServer::new(Service::default()));
    Ok(server.serve_with_incoming(UnixListenerStream::new(listener)).await?)
}
