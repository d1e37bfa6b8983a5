//! The frame that the benchmarks are about.

/// An `inbound` frame of 616 bytes; each number gives another message.
pub(crate) fn inbound(number: usize) -> String {
    let frame = format!(
        concat!(
            r#"{{"type":"inbound","event":{{"text":"hello there, could you look at the deployment of the web "#,
            r#"service and tell me why the last three health checks failed? thanks in advance, no hurry at all","#,
            r#""message_type":"text","message_id":"1247810{number:012}","reply_to_message_id":null,"#,
            r#""media_urls":[],"source":{{"platform":"discord","chat_id":"1200000000000000001","#,
            r#""chat_type":"group","chat_name":"ops","user_id":"300000000000000007","user_name":"ada","#,
            r#""thread_id":null,"chat_topic":null,"scope_id":"900000000000000003","#,
            r#""guild_id":"900000000000000003","message_id":"1247810{number:012}"}}}},"#,
            r#""bufferId":"7f3a9c01-{number:017}"}}"#,
            "\n"
        ),
        number = number
    );
    assert_eq!(frame.len(), 616);
    frame
}
