//! A calyx plugin without an SDK: the handshake, the services, the session, and a function that counts words.

mod conformance;
mod protocol {
    include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
}

use protocol::calyx::plugin::v1::{self as pb, answer::Answer, host_item, plugin_item::Item, request::Subject, value::Content};
use std::sync::{atomic::AtomicBool, atomic::Ordering, Arc, Mutex};
use std::{collections::BTreeMap, collections::HashMap, env, fs, process};
use tokio::{sync::mpsc, task::AbortHandle};
use tokio_stream::wrappers::{UnboundedReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// Any error is a failure with its text, so that functions may end with `?`.
impl<E: ToString> From<E> for pb::Failure {
    fn from(e: E) -> Self {
        pb::Failure { message: e.to_string(), ..Default::default() }
    }
}

struct Call {
    id: u64,
    start: pb::Start,
    session: Arc<Session>,
    answers: mpsc::UnboundedReceiver<pb::Answers>,
    needs: u32,
}

impl Call {
    fn say(&self, item: Item) {
        self.session.say(self.id, item);
    }

    /// Asks for things, all at once, and waits; what is absent is None. One need follows another: so many were answered before.
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

/// A value as JSON; text is a string.
fn plain(v: &pb::Value) -> Result<serde_json::Value, pb::Failure> {
    let bytes = bytes(v)?;
    Ok(if v.media_type.starts_with("text/") { String::from_utf8(bytes)?.into() } else { serde_json::from_slice(&bytes)? })
}

/// Counts the words of a file, for which it asks calyx.
async fn count(call: &mut Call) -> Result<pb::Value, pb::Failure> {
    let path = call.start.arguments.iter().find(|a| a.name == "path").and_then(|a| a.value.as_ref()).ok_or("count needs a path")?;
    let path = plain(path)?.as_str().ok_or("path is no text")?.to_owned();
    let file = call.need(vec![Subject::File(path.into())]).await?.remove(0).ok_or("there is no such file")?;
    let mut counts = BTreeMap::<String, u64>::new();
    for word in String::from_utf8(bytes(&file)?)?.to_lowercase().split_whitespace() {
        *counts.entry(word.into()).or_default() += 1;
    }
    call.value("application/json", serde_json::to_vec(&counts)?)
}

/// What all calls share. Those under way get their answers here, until they end or are cancelled.
struct Session {
    out: mpsc::UnboundedSender<Result<pb::SessionResponse, Status>>,
    calls: Mutex<HashMap<u64, (mpsc::UnboundedSender<pb::Answers>, AbortHandle)>>,
}

impl Session {
    /// Says what a call has to say. One that has ended says nothing more.
    fn say(&self, call: u64, item: Item) {
        let mut calls = self.calls.lock().unwrap();
        let ends = matches!(item, Item::Result(_) | Item::Failure(_));
        if (ends && calls.remove(&call).is_some()) || calls.contains_key(&call) {
            let items = vec![pb::PluginItem { call, item: Some(item) }];
            let _ = self.out.send(Ok(pb::SessionResponse { items })); // fails when the session is over, and then so is the process
        }
    }

    fn take(self: &Arc<Self>, id: u64, item: Option<host_item::Item>) {
        let mut calls = self.calls.lock().unwrap();
        match item {
            Some(host_item::Item::Start(start)) => {
                let (sender, answers) = mpsc::unbounded_channel();
                let mut call = Call { id, start, session: self.clone(), answers, needs: 0 };
                let task = tokio::spawn(async move {
                    let end = if call.start.function == "count" { count(&mut call).await } else { conformance::run(&mut call).await };
                    call.say(end.map(|v| Item::Result(pb::Result { element: 0, value: Some(v) })).unwrap_or_else(Item::Failure));
                });
                calls.insert(id, (sender, task.abort_handle()));
            }
            Some(host_item::Item::Answers(answers)) => drop(calls.get(&id).map(|call| call.0.send(answers))),
            Some(host_item::Item::Cancel(cancel)) => {
                let task = calls.get(&id).map(|call| call.1.clone());
                drop(calls);
                self.say(id, Item::Failure(format!("cancelled: {}", cancel.reason).into()));
                task.inspect(AbortHandle::abort);
            }
            None => {} // an item of a later version
        }
    }
}

#[derive(Default)]
struct Service(AtomicBool); // whether there is a session

#[tonic::async_trait]
impl pb::plugin_server::Plugin for Service {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Result<Response<pb::DescribeResponse>, Status> {
        let path = pb::Parameter { name: "path".into(), r#type: "string".into(), ..Default::default() };
        let count = pb::Function { name: "count".into(), parameters: vec![path], overlap: true, ..Default::default() };
        let functions = conformance::functions().chain([count]).collect();
        Ok(Response::new(pb::DescribeResponse { name: "words".into(), functions, ..Default::default() }))
    }

    type SessionStream = UnboundedReceiverStream<Result<pb::SessionResponse, Status>>;

    async fn session(&self, request: Request<Streaming<pb::SessionRequest>>) -> Result<Response<Self::SessionStream>, Status> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Err(Status::already_exists("this process has a session"));
        }
        let (out, said) = mpsc::unbounded_channel();
        let mut host = request.into_inner();
        let session = Arc::new(Session { out, calls: Mutex::default() });
        tokio::spawn(async move {
            while let Ok(Some(message)) = host.message().await {
                message.items.into_iter().for_each(|item| session.take(item.call, item.item));
            }
            process::exit(0); // the host has no more use for the process, or is gone
        });
        Ok(Response::new(UnboundedReceiverStream::new(said)))
    }
}

#[tonic::async_trait]
impl protocol::plugin::grpc_controller_server::GrpcController for Service {
    async fn shutdown(&self, _: Request<protocol::plugin::Empty>) -> Result<Response<protocol::plugin::Empty>, Status> {
        tokio::spawn(async { process::exit(0) }); // nobody needs the answer
        Ok(Response::new(protocol::plugin::Empty {}))
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
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("plugin", tonic_health::ServingStatus::Serving).await;
    let controller = protocol::plugin::grpc_controller_server::GrpcControllerServer::new(Service::default());
    Ok(server.add_service(health).add_service(controller).serve_with_incoming(UnixListenerStream::new(listener)).await?)
}
