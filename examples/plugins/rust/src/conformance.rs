//! The conformance functions of docs/plugin-protocol.md. Nothing but `calyx plugin check` calls them: a plugin of yours has none.

use crate::protocol::calyx::plugin::v1::{self as pb, literal, plugin_item::Item, request::Subject};
use crate::{bytes, plain, Call};
use serde_json::{json, Value as Json};
use std::{collections::BTreeMap, io::Write, time::Duration};

/// A function: name, and parameters with their types and defaults.
type Function = (&'static str, &'static [(&'static str, &'static str, Option<i64>)]);

const FUNCTIONS: &[Function] = &[
    ("calyx_check_echo", &[("value", "any", None)]),
    ("calyx_check_add", &[("a", "int", None), ("b", "int", Some(2))]),
    ("calyx_check_half", &[("number", "int", None)]),
    ("calyx_check_need", &[("values", "list", None), ("at_once", "int", Some(1))]),
    ("calyx_check_env", &[("name", "string", None)]),
    ("calyx_check_sleep", &[("seconds", "float", None)]),
    ("calyx_check_fail", &[("message", "string", None)]),
    ("calyx_check_retry", &[("seconds", "float", None)]),
    ("calyx_check_tell", &[("text", "string", None)]),
    ("calyx_check_print", &[("text", "string", None)]),
];

pub fn functions() -> impl Iterator<Item = pb::Function> {
    FUNCTIONS.iter().map(|&(name, parameters)| {
        let parameters = parameters.iter().map(|&(name, kind, default)| {
            let default = default.map(|n| pb::Literal { kind: Some(literal::Kind::Integer(n)) });
            pb::Parameter { name: name.into(), r#type: kind.into(), default, ..Default::default() }
        });
        pb::Function { name: name.into(), parameters: parameters.collect(), overlap: true, ..Default::default() }
    })
}

/// Runs a call.
pub async fn run(call: &mut Call) -> Result<pb::Value, pb::Failure> {
    let name = call.start.function.clone();
    let function = FUNCTIONS.iter().find(|f| f.0 == name).ok_or(format!("there is no function {name:?}"))?;
    let args = bind(call, *function)?;
    let int = |p: &str| plain(&args[p])?.as_i64().ok_or(pb::Failure::from(format!("{p} is no integer")));
    let float = |p: &str| plain(&args[p])?.as_f64().ok_or(pb::Failure::from(format!("{p} is no number")));
    let text = |p: &str| plain(&args[p])?.as_str().map(str::to_owned).ok_or(pb::Failure::from(format!("{p} is no text")));
    match function.0 {
        "calyx_check_echo" => call.value(&args["value"].media_type, bytes(&args["value"])?),
        "calyx_check_add" => result(call, json!(int("a")? + int("b")?)),
        "calyx_check_half" => result(call, json!(int("number")? as f64 / 2.0)),
        "calyx_check_need" => {
            let (values, mut got) = (plain(&args["values"])?, Vec::new());
            for some in values.as_array().ok_or("values is no list")?.chunks(int("at_once")?.max(1) as usize) {
                for v in call.need(some.iter().map(echo).collect()).await? {
                    got.push(plain(&v.ok_or("there is no such node")?)?);
                }
            }
            result(call, json!(got))
        }
        "calyx_check_env" => {
            let found = call.need(vec![Subject::Env(text("name")?)]).await?.remove(0);
            Ok(found.unwrap_or_default())
        }
        "calyx_check_sleep" => {
            call.say(Item::Progress(pb::Progress { done: 0.0, total: 1.0, ..Default::default() }));
            tokio::time::sleep(Duration::from_secs_f64(float("seconds")?)).await;
            Ok(pb::Value::default())
        }
        "calyx_check_fail" => Err(text("message")?.into()),
        "calyx_check_retry" => {
            let retry_after = Some(Duration::from_secs_f64(float("seconds")?).try_into()?);
            Err(pb::Failure { message: "try again".into(), retryable: true, retry_after, ..Default::default() })
        }
        "calyx_check_tell" => {
            call.say(Item::Log(pb::Log { text: text("text")?.into() }));
            call.say(Item::Progress(pb::Progress { done: 1.0, total: 2.0, unit: "steps".into() }));
            call.say(Item::Metric(pb::Metric { name: "calyx_check".into(), value: 0.5, unit: "units".into() }));
            Ok(pb::Value::default())
        }
        _ => {
            print!("{}", text("text")?);
            std::io::stdout().flush()?;
            Ok(pb::Value::default())
        }
    }
}

/// The arguments of a call by name, defaults filled in.
fn bind(call: &Call, (name, parameters): Function) -> Result<BTreeMap<String, pb::Value>, pb::Failure> {
    let mut given: BTreeMap<_, _> = call.start.arguments.iter().map(|a| (a.name.clone(), a.value.clone().unwrap_or_default())).collect();
    if let Some(a) = given.keys().find(|a| parameters.iter().all(|p| p.0 != *a)) {
        return Err(format!("{name} has no parameter {a:?}").into());
    }
    for &(p, _, default) in parameters.iter().filter(|p| call.start.arguments.iter().all(|a| a.name != p.0)) {
        let default = default.ok_or(format!("{name} needs the argument {p:?}"))?;
        given.insert(p.into(), result(call, json!(default))?);
    }
    Ok(given)
}

fn result(call: &Call, v: Json) -> Result<pb::Value, pb::Failure> {
    call.value("application/json", v.to_string().into_bytes())
}

/// The node `calyx_check_echo(value = …)`.
fn echo(v: &Json) -> Subject {
    let kind = match v {
        Json::Bool(b) => literal::Kind::Boolean(*b),
        Json::Number(n) if n.is_i64() => literal::Kind::Integer(n.as_i64().unwrap_or_default()),
        Json::Number(n) => literal::Kind::Number(n.as_f64().unwrap_or_default()),
        Json::String(s) => literal::Kind::Text(s.clone()),
        _ => literal::Kind::None(true),
    };
    let arguments = vec![pb::NamedLiteral { name: "value".into(), value: Some(pb::Literal { kind: Some(kind) }) }];
    Subject::Node(pb::NodeRequest { name: "calyx_check_echo".into(), arguments })
}
