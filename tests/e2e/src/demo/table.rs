//! What the demo shows while it runs: a table redrawn in place on a terminal, plain lines otherwise.

use super::SHOPS;
use crate::Trouble;
use crate::recorder::Recorder;
use crate::stage::Stage;
use comfy_table::presets::NOTHING;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

/// The demo's voice.
pub(super) struct Table {
    terminal: bool,
    begun: Instant,
    drawn: Cell<usize>,
    said: RefCell<Vec<String>>,
}

impl Table {
    pub(super) fn new() -> Self {
        let terminal = stdout().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Table {
            terminal,
            begun: Instant::now(),
            drawn: Cell::new(0),
            said: RefCell::new(vec![String::new(); SHOPS.len()]),
        }
    }

    /// A line that stays.
    pub(super) fn say(&self, line: &str) {
        self.erase();
        println!("[{:5.1} s] {line}", self.begun.elapsed().as_secs_f64());
    }

    /// What `kubectl get` and `describe` show now; kept in the demo's folder, the short form printed.
    pub(super) fn shot(&self, stage: &Stage, when: &str) {
        self.erase();
        if let Ok(text) = stage.kubectl(&["get", "sf,rsw", "-A"], None) {
            println!("--- kubectl get sf,rsw ({when})\n{text}");
        }
        if let Ok(text) = stage.kubectl(&["describe", "sf", "-n", "shops", SHOPS[0]], None) {
            let _ = std::fs::write(stage.file(&format!("describe-{when}.txt")), text);
        }
    }

    /// Shows what happens until something holds.
    pub(super) async fn follow(
        &self,
        stage: &Stage,
        what: &str,
        at_most: Duration,
        holds: impl Fn(&Recorder) -> bool,
    ) -> Result<(), Trouble> {
        let begun = Instant::now();
        while !holds(&stage.recorder) {
            if begun.elapsed() >= at_most {
                return Err(Trouble::NotInTime(at_most.as_secs(), what.to_owned()));
            }
            self.draw(stage).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.draw(stage).await
    }

    /// Shows what happens for this scaled time.
    pub(super) async fn follow_for(&self, stage: &Stage, scaled: Duration) -> Result<(), Trouble> {
        let until = Instant::now() + scaled / stage.time_scale();
        while Instant::now() < until {
            self.draw(stage).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn draw(&self, stage: &Stage) -> Result<(), Trouble> {
        let glance = stage.world.glance().await?;
        let rows: Vec<[String; 7]> = SHOPS.iter().map(|shop| row(&stage.recorder, &glance, shop)).collect();
        if self.terminal {
            self.redraw(&rows)
        } else {
            self.tell_changes(&rows)
        }
        Ok(())
    }

    fn redraw(&self, rows: &[[String; 7]]) {
        self.erase();
        let mut table = comfy_table::Table::new();
        table.load_preset(NOTHING);
        table.set_header([
            "SHOP",
            "ACTIVE",
            "DIAGNOSIS",
            "MOVE",
            "WRITERS",
            "USERS (10 s)",
            "ORDERS ok/refused",
        ]);
        for row in rows {
            table.add_row(row);
        }
        let text = table.to_string();
        println!("{text}");
        self.drawn.set(text.lines().count());
        let _ = stdout().flush();
    }

    fn erase(&self) {
        for _ in 0..self.drawn.take() {
            print!("\x1b[1A\x1b[2K");
        }
    }

    /// A line for each shop whose diagnosis, move or writers changed.
    fn tell_changes(&self, rows: &[[String; 7]]) {
        for (row, said) in rows.iter().zip(self.said.borrow_mut().iter_mut()) {
            let now = format!(
                "{:9} active {:12} {:22} move {:17} writers {}",
                row[0], row[1], row[2], row[3], row[4]
            );
            if *said != now {
                println!(
                    "[{:5.1} s] {now}  users {}  orders {}",
                    self.begun.elapsed().as_secs_f64(),
                    row[5],
                    row[6]
                );
                *said = now;
            }
        }
    }
}

fn row(recorder: &Recorder, glance: &Value, shop: &str) -> [String; 7] {
    let status = recorder
        .storefront(shop)
        .and_then(|storefront| storefront.status)
        .unwrap_or_default();
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let seen = glance["shops"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|seen| seen["name"] == shop);
    let writers = seen
        .map(|seen| &seen["instances"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let writers: Vec<&str> = writers
        .filter(|instance| instance["writable"] == true)
        .filter_map(|instance| instance["region"].as_str())
        .collect();
    let users = seen.and_then(|seen| seen["users"].as_object()).into_iter().flatten();
    let users: Vec<String> = users.map(|(region, count)| format!("{region} {count}")).collect();
    let total = |name: &str| seen.map_or(0, |seen| seen["totals"][name].as_u64().unwrap_or(0));
    [
        shop.to_owned(),
        dash(status.active_region),
        dash(status.diagnosis),
        dash(status.in_flight),
        if writers.is_empty() {
            "none".to_owned()
        } else {
            writers.join(" + ")
        },
        users.join(", "),
        format!("{}/{}", total("acknowledged"), total("refused")),
    ]
}
