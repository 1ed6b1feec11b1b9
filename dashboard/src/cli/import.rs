//! `mingjing import`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, database, output};
use crate::audit::Trail;
use crate::config::Config;
use crate::import::{Subject, import};

/// Halls, items, calendars, cameras and sources from a JSON or CSV file; a running console takes them in at once.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mingjing import halls halls.json\n  mingjing import items items.csv\n  \
    mingjing import calendar 2027.json\n\nA file goes in whole or not at all. `mingjing import halls --help` and so on show the formats."
)]
pub struct Import {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Halls, their windows and units, and the county itself
    #[command(
        after_help = "Example:\n  mingjing import halls halls.json\n\nJSON:\n  {\"county\":{\"code\":\"320382\",\"name\":\"明镜县\"},\
        \"units\":[{\"code\":\"人社局\",\"name\":\"人力资源和社会保障局\"}],\n   \"halls\":[{\"code\":\"320382-T07\",\"parent\":\"320382\",\
        \"level\":\"town\",\"name\":\"官渡镇便民服务中心\",\n     \"opening\":{\"1\":[\"09:00\",\"17:30\"]},\"windows\":[{\"no\":\"1\",\"unit\":\"人社局\",\
        \"name\":\"1 号\"}]}]}\n\nCSV, a row a window:\n  code,parent,level,name,opening,window,unit,window_name\n  \
        320382-T07,320382,town,官渡镇便民服务中心,1-5 09:00-17:30; 6 09:00-12:00,1,人社局,1 号"
    )]
    Halls(File),
    /// Items with limits and steps
    #[command(
        after_help = "Example:\n  mingjing import items items.csv\n\nJSON:\n  [{\"code\":\"PENSION\",\"name\":\"养老金申领\",\
        \"unit\":\"人社局\",\"kind\":\"promised\",\"promise\":{\"n\":7,\"unit\":\"workday\"},\n    \"legal\":{\"n\":20,\"unit\":\"workday\"},\
        \"steps\":[{\"code\":\"review\",\"name\":\"审查\",\"limit\":{\"n\":3,\"unit\":\"workday\"},\"role\":\"examiner\"}]}]\n  \
        What steps, fees and deliveries may say stands in docs/items.md.\n\n\
        CSV (a limit is 7, 7 day or 4 hour; kinds: immediate, promised, forwarded, joint):\n  code,name,unit,kind,promise,legal\n  \
        PENSION,养老金申领,人社局,promised,7,20"
    )]
    Items(File),
    /// Years of holidays and make-up workdays
    #[command(
        after_help = "Example:\n  mingjing import calendar 2027.csv\n\nJSON:\n  {\"year\":2027,\"notice\":\"…\",\
        \"holidays\":[\"2027-01-01\"],\"makeup\":[]}\n\nCSV (kinds: holiday, makeup):\n  date,kind,notice\n  2027-01-01,holiday,…"
    )]
    Calendar(File),
    /// Cameras and the windows that they see
    #[command(
        after_help = "Example:\n  mingjing import cameras cameras.csv\n\nJSON:\n  [{\"id\":\"cam-1\",\"hall\":\"320382\",\
        \"name\":\"东区\",\"windows\":[\"1\",\"2\"],\"edge\":\"local\"}]\n\nCSV:\n  id,hall,name,windows,edge\n  cam-1,320382,东区,1;2,local"
    )]
    Cameras(File),
    /// Sources and how late their words usually come
    #[command(
        after_help = "Example:\n  mingjing import sources sources.csv\n\nJSON:\n  [{\"id\":\"//approval.county\",\
        \"name\":\"行政审批系统\",\"lag_hours\":24}]\n\nCSV:\n  id,name,lag_hours\n  //approval.county,行政审批系统,24\n\n\
        While a source may still tell of it, what falls due is provisional; what comes late by no more is not backdated (R7)."
    )]
    Sources(File),
}

#[derive(Debug, Args)]
struct File {
    /// .json or .csv
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Import {
    /// Runs the command.
    ///
    /// # Errors
    /// What is wrong with the file, with its line, or the database's refusal.
    pub async fn run(self, config: Config) -> Result<(), CliError> {
        let (subject, File { file, json }) = match self.what {
            What::Halls(file) => (Subject::Halls, file),
            What::Items(file) => (Subject::Items, file),
            What::Calendar(file) => (Subject::Calendar, file),
            What::Cameras(file) => (Subject::Cameras, file),
            What::Sources(file) => (Subject::Sources, file),
        };
        let db = database(&config).await?;
        let counts = import(&db, &Trail::command(), subject, &file)
            .await
            .map_err(|error| CliError::Failed(error.to_string()))?;
        if json {
            output::json(
                &counts
                    .into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>(),
            );
        } else {
            let words: Vec<String> = counts
                .iter()
                .map(|(what, n)| format!("{n} {what}"))
                .collect();
            output::line(&format!("imported {}", words.join(", ")));
        }
        Ok(())
    }
}
