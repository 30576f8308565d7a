/// What the pages of reports have in common, and the script of those that show a graph.
enum ReportPage {
    /// A document that needs nothing else, and may load nothing; scripts run only if they stand in it and it `runsScript`.
    static func document(title: String, runsScript: Bool, _ body: String) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" \
        content="default-src 'none'; style-src 'unsafe-inline'\(runsScript ? "; script-src 'unsafe-inline'" : "")">
        <title>\(title.html)</title>
        <style>\(style)</style>
        </head>
        <body>
        \(body)
        </body>
        </html>

        """
    }

    /// The colours of the families that occur, with their names.
    static func legend(of families: Set<OperatorFamily>) -> String {
        OperatorFamily.allCases.filter(families.contains)
            .map { "<span class=\"k \($0.rawValue)\">\($0.title)</span>" }.joined()
    }

    static let style = """
        :root{--bg:#f6f6f4;--fg:#1c1f23;--soft:#646b73;--line:#d9dad7;--card:#fff;--edge:#8a9199;--mark:#e0632b;
        --convolution:#2f5f8f;--product:#5c4b8c;--pooling:#2c7a57;--normalization:#86691a;--activation:#a03c3c;
        --arithmetic:#4e5b70;--moving:#7c4f72;--reduction:#0b6e78;--control:#33373d;--other:#6a6a6a}
        @media(prefers-color-scheme:dark){:root{--bg:#16181b;--fg:#e7e8ea;--soft:#9aa1a9;--line:#33373c;--card:#1f2226;
        --edge:#6f7780}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--fg);font:14px/1.45 system-ui,sans-serif}
        header,section{max-width:1500px;margin:0 auto;padding:0 24px}
        header{padding-top:22px}
        h1{margin:0;font-size:24px;overflow-wrap:anywhere}
        h2{margin:0 10px 0 0;font-size:17px}
        section>h2{margin:26px 0 10px}
        p{margin:4px 0 14px;color:var(--soft)}
        .note{margin-top:10px}
        .cards{display:flex;flex-wrap:wrap;gap:10px}
        .cards div{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:8px 14px;max-width:100%}
        .cards b{display:block;font-weight:600;font-size:12px;color:var(--soft);overflow-wrap:anywhere}
        .cards span{overflow-wrap:anywhere}
        .bar{display:flex;flex-wrap:wrap;align-items:center;gap:6px;margin:24px 0 10px}
        .space{flex:1}
        .k{display:inline-block;color:#fff;border-radius:4px;padding:1px 8px;font-size:12px}
        input,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:5px;
        padding:3px 10px}
        button{cursor:pointer;min-width:34px}
        #view{display:flex;height:74vh;min-height:420px;background:var(--card);border:1px solid var(--line);
        border-radius:6px;overflow:hidden}
        #graph{flex:1;min-width:0;height:100%;cursor:grab;outline:none;touch-action:none;user-select:none}
        #graph.drag{cursor:grabbing}
        #panel{width:340px;border-left:1px solid var(--line);padding:14px 16px;overflow:auto;font-size:13px}
        #panel:empty{display:none}
        #panel h3{margin:0 0 2px;font-size:15px;overflow-wrap:anywhere}
        #panel h4{margin:14px 0 2px;font-size:12px;color:var(--soft);font-weight:600}
        #panel dl{margin:0}
        #panel dt{font-weight:600;overflow-wrap:anywhere;margin-top:4px}
        #panel dd{margin:0;color:var(--soft);overflow-wrap:anywhere}
        .e{fill:none;stroke:var(--edge);stroke-width:1.2;marker-end:url(#tip)}
        .e.on{stroke:var(--mark);stroke-width:2}
        #tip path{fill:var(--edge)}
        .b{cursor:pointer}
        .b text{fill:#fff;text-anchor:middle;font:600 12px system-ui,sans-serif;pointer-events:none}
        .b .d{font-weight:400;font-size:10.5px;fill:#ffffffd0}
        .b.port rect{fill:var(--card);stroke:var(--fg);stroke-width:1.2}
        .b.port text{fill:var(--fg)}
        .b.on rect{stroke:var(--mark);stroke-width:3}
        .b.found rect{stroke:var(--mark);stroke-width:2;stroke-dasharray:4 2}
        .s{fill:var(--soft);font:10.5px system-ui,sans-serif;paint-order:stroke;stroke:var(--card);stroke-width:3px;
        transform:translateX(5px);pointer-events:none}
        .g{stroke:var(--line)}
        .f{stroke:var(--fg);stroke-width:1.6}
        .t{fill:var(--soft);font:11px system-ui,sans-serif}
        #arena{display:block;width:100%;background:var(--card);border:1px solid var(--line);border-radius:6px;margin-top:12px}
        .m rect{stroke:var(--card);stroke-width:.6}
        .m:hover rect,.m:hover circle{stroke:var(--mark);stroke-width:2}
        .m circle{stroke:var(--card);stroke-width:.8;fill-opacity:.8}
        .m text{fill:#fff;font:10.5px system-ui,sans-serif;pointer-events:none}
        table{border-collapse:collapse;background:var(--card);border:1px solid var(--line);font-variant-numeric:tabular-nums}
        th,td{padding:3px 14px;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
        th{font-weight:600;font-size:12.5px;color:var(--soft)}
        .q{color:var(--soft)}
        .n th:nth-child(n+2),.n td:nth-child(-n+4):nth-child(n+2){text-align:right}
        .n{min-width:620px}
        .p{min-width:150px;position:relative}
        .p i{position:absolute;left:0;top:4px;bottom:4px;background:var(--mark);opacity:.22}
        .l{width:100%;margin-top:8px;font-size:12.5px}
        .l td{overflow-wrap:anywhere}
        .l th:nth-child(n+5),.l td:nth-child(n+5){text-align:right;white-space:nowrap}
        .l tr[data-n]{cursor:pointer}
        summary{cursor:pointer}
        section:last-of-type{padding-bottom:50px}
        """
        + OperatorFamily.allCases.map { family in
            let name = family.rawValue
            return
                "\n.b.\(name) rect,.m.\(name) rect,.m.\(name) circle{fill:var(--\(name))}.k.\(name){background:var(--\(name))}"
        }.joined()

    static let script = """
        'use strict';
        const data=JSON.parse(document.getElementById('data').textContent);
        const graph=document.getElementById('graph'),all=document.getElementById('all'),panel=document.getElementById('panel');
        const W=+graph.dataset.w,H=+graph.dataset.h;
        let k=1,x=0,y=0;
        const show=()=>all.setAttribute('transform',`translate(${x} ${y}) scale(${k})`);
        function fit(){const r=graph.getBoundingClientRect();k=Math.min(r.width/W,r.height/H,1.6);x=(r.width-W*k)/2;
        y=(r.height-H*k)/2;show()}
        function start(){const r=graph.getBoundingClientRect();k=Math.min(1,r.width/W);
        if(k*H<=r.height*1.3||k<.3){fit();if(k>.3)return}
        k=Math.max(Math.min(1,r.width/W),.5);const i=document.getElementById('i0');const c=i?center(i):{x:W/2,y:0};
        x=W*k<=r.width?(r.width-W*k)/2:r.width/2-c.x*k;y=0;show()}
        function zoom(f,cx,cy){const n=Math.min(Math.max(k*f,.01),6);x=cx-(cx-x)*n/k;y=cy-(cy-y)*n/k;k=n;show()}
        function middle(f){const r=graph.getBoundingClientRect();zoom(f,r.width/2,r.height/2)}
        function center(box){const t=/translate\\(([-\\d.]+) ([-\\d.]+)\\)/.exec(box.getAttribute('transform'));
        const r=box.querySelector('rect');return{x:+t[1]+r.getAttribute('width')/2,y:+t[2]+r.getAttribute('height')/2}}
        graph.addEventListener('wheel',e=>{e.preventDefault();const r=graph.getBoundingClientRect();
        zoom(Math.exp(-e.deltaY*(e.deltaMode?.05:.0016)),e.clientX-r.left,e.clientY-r.top)},{passive:false});
        const points=new Map();let moved=false;
        graph.addEventListener('pointerdown',e=>{points.set(e.pointerId,{x:e.clientX,y:e.clientY});moved=false});
        graph.addEventListener('pointermove',e=>{const p=points.get(e.pointerId);if(!p)return;
        if(!moved&&Math.hypot(e.clientX-p.x,e.clientY-p.y)<4)return;
        if(!moved){moved=true;graph.setPointerCapture(e.pointerId);graph.classList.add('drag')}
        if(points.size===2){const o=[...points].find(q=>q[0]!==e.pointerId)[1],r=graph.getBoundingClientRect();
        const f=Math.hypot(e.clientX-o.x,e.clientY-o.y)/Math.max(1,Math.hypot(p.x-o.x,p.y-o.y));
        zoom(f,(e.clientX+o.x)/2-r.left,(e.clientY+o.y)/2-r.top)}else{x+=e.clientX-p.x;y+=e.clientY-p.y;show()}
        p.x=e.clientX;p.y=e.clientY});
        for(const n of['pointerup','pointercancel'])graph.addEventListener(n,e=>{points.delete(e.pointerId);
        graph.classList.remove('drag')});
        graph.addEventListener('click',e=>{if(moved)return;const b=e.target.closest('.b');choose(b?b.id:null)});
        function add(parent,tag,text){const n=document.createElement(tag);n.textContent=text;parent.appendChild(n);return n}
        function list(title,entries){if(!entries.length)return;add(panel,'h4',title);const l=add(panel,'dl','');
        for(const[a,b]of entries){add(l,'dt',a);add(l,'dd',b)}}
        function choose(id){for(const n of document.querySelectorAll('.on'))n.classList.remove('on');panel.textContent='';
        if(!id||!data[id])return;const d=data[id];add(panel,'h3',d[0]);add(panel,'div',d[1]);
        list('',d[2]);list('Attributes',d[3]);list('Inputs',d[4]);list('Parameters',d[5]);list('Outputs',d[6]);
        document.getElementById(id).classList.add('on');
        for(const n of document.querySelectorAll('.e'))if(n.dataset.a===id||n.dataset.b===id)n.classList.add('on')}
        function go(id){const b=document.getElementById(id);if(!b)return;choose(id);const r=graph.getBoundingClientRect();
        const c=center(b);k=Math.max(k,.7);x=r.width/2-c.x*k;y=r.height/2-c.y*k;show()}
        document.getElementById('in').onclick=()=>middle(1.4);
        document.getElementById('out').onclick=()=>middle(1/1.4);
        document.getElementById('fit').onclick=fit;
        graph.addEventListener('keydown',e=>{const s=60;const f={'+':()=>middle(1.2),'-':()=>middle(1/1.2),'0':fit,
        ArrowUp:()=>{y+=s;show()},ArrowDown:()=>{y-=s;show()},ArrowLeft:()=>{x+=s;show()},ArrowRight:()=>{x-=s;show()}}[e.key];
        if(f){e.preventDefault();f()}});
        const find=document.getElementById('find');let hits=[],at=0;
        function search(){for(const n of document.querySelectorAll('.found'))n.classList.remove('found');hits=[];at=0;
        const t=find.value.trim().toLowerCase();if(!t)return;
        for(const id in data){const d=data[id];if(d[0].toLowerCase().includes(t)||d[1].toLowerCase().includes(t)||
        d[6].some(o=>o[0].toLowerCase().includes(t))){hits.push(id);const b=document.getElementById(id);
        if(b)b.classList.add('found')}}}
        find.addEventListener('input',search);
        find.addEventListener('keydown',e=>{if(e.key==='Enter'&&hits.length)go(hits[at++%hits.length])});
        for(const r of document.querySelectorAll('tr[data-n]'))r.onclick=()=>{if(data[r.dataset.n]){go(r.dataset.n);
        document.getElementById('view').scrollIntoView({behavior:'smooth',block:'center'})}};
        start();
        """
}
