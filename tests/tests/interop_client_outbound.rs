//! What the published client asks of a platform through `relay connector`, and what it is answered.

mod interop;

use interop::{linked_client, on_each_version};
use serde_json::{Value, json};

/// C2, C12: an action reaches the platform's hook as it is, under the tenant and the instance of the gateway's record,
/// and the hook's whole answer is the client's result.
#[test]
fn an_action_reaches_the_hook_and_its_answer_the_client() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let action = json!({
            "op": "send", "chat_id": "c1", "content": "hé\n\"😀\"\u{2028}", "reply_to": "m0",
            "metadata": {"scope_id": "s1", "own": [1, 2.5, null, {"a": true}]}, "later": {"x": "y"},
            "tenant": "tenant-2", "instance": "inst-2",
        });
        let number = gateway.begin("send", json!({"action": action})).await;
        let call = hook.next().await;
        let expected = json!({
            "kind": "action", "tenant": "tenant-1", "instance": "inst-1", "platform": "discord", "botId": "d-bot",
            "action": action,
        });
        assert_eq!(call.body, expected);
        let result = json!({"success": true, "message_id": "m1", "thread_id": "t1", "later": {"é": [1]}});
        call.answer(&result);
        assert_eq!(gateway.answer(number).await, result);
    });
}

/// C12: an op that nobody here knows travels as it was given.
#[test]
fn an_unknown_op_travels() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        for action in [json!({"op": "later", "chat_id": 7, "x": {}}), json!({"op": "send"}), json!({})] {
            let number = gateway.begin("send", json!({"action": action})).await;
            assert_eq!(hook.does().await["action"], action);
            assert_eq!(gateway.answer(number).await["success"], true);
        }
    });
}

/// C12: a hundred actions are under way at once, answered from the last to the first, and each gets its own result.
#[test]
fn many_in_flight() {
    const MANY: usize = 100;
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let mut numbers = Vec::new();
        for chat in 0..MANY {
            let action = send(&format!("c{chat}"), "x");
            numbers.push(gateway.begin("send", json!({"action": action})).await);
        }
        let mut calls = Vec::new();
        for _ in 0..MANY {
            calls.push(hook.next().await);
        }
        for call in calls.into_iter().rev() {
            let result = json!({"success": true, "message_id": call.body["action"]["chat_id"]});
            call.answer(&result);
        }
        for (chat, number) in numbers.into_iter().enumerate() {
            let message_id = format!("c{chat}");
            assert_eq!(gateway.answer(number).await, json!({"success": true, "message_id": message_id}));
        }
    });
}

/// C12: within a chat the order counts: the hook gets one after the other, as the client sent them, whatever goes on in
/// other chats.
#[test]
fn one_chat_keeps_its_order() {
    const MANY: usize = 20;
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let mut numbers = Vec::new();
        for turn in 0..MANY {
            let action = send("c1", &turn.to_string());
            numbers.push(gateway.begin("send", json!({"action": action})).await);
        }
        let mut call = hook.next().await;
        // Another chat does not wait for the first call of this one.
        let aside = gateway.begin("send", json!({"action": send("c2", "aside")})).await;
        assert_eq!(hook.does().await["action"]["content"], "aside");
        assert_eq!(gateway.answer(aside).await["success"], true);
        for (turn, number) in numbers.into_iter().enumerate() {
            assert_eq!(call.body["action"]["content"], turn.to_string());
            call.answer(&json!({"success": true, "message_id": turn.to_string()}));
            assert_eq!(gateway.answer(number).await["message_id"], turn.to_string());
            if turn + 1 == MANY {
                break;
            }
            call = hook.next().await;
        }
    });
}

/// C12: a follow-up names a session and never a token, and goes to the hook as it is.
#[test]
fn a_follow_up() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let action = json!({
            "op": "follow_up", "session_key": "agent:main:discord:group:c1:u1", "kind": "discord.interaction_token",
            "content": "späť", "metadata": {},
        });
        for tag in [Value::Null, json!("discord")] {
            let number = gateway.begin("follow_up", json!({"action": action, "platform": tag})).await;
            let called = hook.does().await;
            assert_eq!((&called["action"], &called["platform"]), (&action, &json!("discord")));
            assert_eq!(gateway.answer(number).await, json!({"success": true, "message_id": "m"}));
        }
    });
}

/// C12: chat info is read out of both shapes that an answer may have; where there is none, the client makes do.
#[test]
fn chat_info() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let ops = json!({"name": "ops ü", "type": "group"});
        let unknown = json!({"name": "c1", "type": "dm"});
        for (answer, info) in [
            (json!({"success": true, "chat_info": ops}), &ops),
            (json!({"success": true, "name": "ops ü", "type": "group"}), &ops),
            (json!({"success": false, "error": "no such chat"}), &unknown),
        ] {
            let number = gateway.begin("chat_info", json!({"chat_id": "c1"})).await;
            let call = hook.next().await;
            assert_eq!(call.body["action"], json!({"op": "get_chat_info", "chat_id": "c1"}));
            call.answer(&answer);
            assert_eq!(gateway.answer(number).await, *info);
        }
    });
}

/// C12, O9: what the platform declines reaches the client in the contract's own words, code and all.
#[test]
fn declined_in_the_contract_s_words() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let number = gateway.begin("send", json!({"action": send("c1", "x")})).await;
        let declined = json!({
            "success": false, "code": "egress_declined",
            "error": "discord egress declined: target is not an approved destination for this connection",
        });
        hook.next().await.answer(&declined);
        assert_eq!(gateway.answer(number).await, declined);
    });
}

/// C12: whatever becomes of the hook's call, the client gets one result, and the link goes on.
#[test]
fn a_hook_that_fails_is_a_result_too() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let refused = json!({"success": false, "error": "rate limited", "retry_after": 3});
        let number = gateway.begin("send", json!({"action": send("c1", "x")})).await;
        hook.next().await.answer(&refused);
        assert_eq!(gateway.answer(number).await, refused);
        for (status, body, words) in [
            (500, "{\"success\":true}", "HTTP 500"),
            (401, "", "HTTP 401"),
            (204, "", "HTTP 204"),
            (200, "", "no JSON object"),
            (200, "[1]", "no JSON object"),
            (200, "{\"success\":tru", "no JSON object"),
        ] {
            let number = gateway.begin("send", json!({"action": send("c1", "x")})).await;
            hook.next().await.answer_with(status, body);
            let result = gateway.answer(number).await;
            assert_failed(&result, words);
        }
        let number = gateway.begin("send", json!({"action": send("c1", "x")})).await;
        hook.does().await;
        assert_eq!(gateway.answer(number).await["success"], true);
    });
}

/// C12: a hook that says nothing is given up before the client gives up.
#[test]
fn a_silent_hook_is_a_result_too() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) =
            linked_client(version, &["--hook-timeout", "300ms"], json!({})).await;
        let number = gateway.begin("send", json!({"action": send("c1", "x")})).await;
        let silent = hook.next().await;
        assert_failed(&gateway.answer(number).await, "timed out");
        drop(silent);
    });
}

/// C12, D7: large actions and answers come through whole, up to what a line may hold. An answer above that is a failure
/// for its own request alone; a line above it ends the link with 1009.
#[test]
fn large_payloads() {
    on_each_version(async |version| {
        let (mut hook, _connector, mut gateway) = linked_client(version, &[], json!({})).await;
        let content = "x".repeat(1_000_000) + "é😀";
        let number = gateway.begin("send", json!({"action": send("c1", &content)})).await;
        let call = hook.next().await;
        assert!(call.body["action"]["content"] == content.as_str(), "the content, to the letter");
        let result = json!({"success": true, "pad": "y".repeat(500_000) + "é"});
        call.answer(&result);
        assert!(gateway.answer(number).await == result, "the answer, to the letter");

        let number = gateway.begin("send", json!({"action": send("c1", "x")})).await;
        hook.next().await.answer(&json!({"success": true, "pad": "y".repeat(1 << 20)}));
        assert_eq!(gateway.answer(number).await["success"], false);

        gateway.begin("send", json!({"action": send("c1", &"x".repeat(1 << 20))})).await;
        assert_eq!(gateway.is_closed().await.0, 1009);
    });
}

fn send(chat_id: &str, content: &str) -> Value {
    json!({"op": "send", "chat_id": chat_id, "content": content, "reply_to": null, "metadata": {}})
}

/// The connector could not get an answer out of the hook, and says so with these words.
fn assert_failed(result: &Value, words: &str) {
    assert_eq!((&result["success"], &result["code"]), (&json!(false), &json!("hook_failed")), "{result}");
    let error = result["error"].as_str().unwrap();
    assert!(error.starts_with("discord: ") && error.contains(words), "{error:?} has no {words:?}");
}
