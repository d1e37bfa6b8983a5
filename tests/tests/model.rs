//! The exhaustive model in its quick worlds: every rule holds in every state of each. `--nocapture` shows the table.

use relay_tests::model::{Row, Rule, explore, plain_table, quick};

/// L1, L2, L3, L4, L5, L6, L7, L8, L10, A1, A2, A3, A4, A6, H1, H2, D1, D2, D3, D4, D5, D6, O1, O2, O3, O4, O10, I1, I2,
/// I3, I4, K1, C3, C4, C5, C6, C7, C8, C9, C10, W1, W2, W3, W4: in every state of every quick world; and each is at
/// stake in one of them at least.
#[test]
fn every_rule_holds_in_every_quick_world() {
    let mut rows: Vec<Row> = Vec::new();
    for world in quick() {
        let row = explore(world, |_| {});
        let broken = row.finding.is_some();
        rows.push(row);
        // One diagram is enough to look at.
        if broken {
            break;
        }
    }
    println!("{}", plain_table(&rows));
    for row in &rows {
        if let Some(finding) = &row.finding {
            let rules: Vec<_> = finding.rules.iter().map(|rule| rule.name()).collect();
            panic!("{} in the world \"{}\":\n{}", rules.join(" "), row.world, finding.diagram);
        }
    }
    for rule in Rule::ALL {
        assert!(rows.iter().any(|row| row.stakes.contains(rule)), "{} is never at stake", rule.name());
    }
}
